"""Pre-training of the tiny bases, and the one recipe of tuning."""
