"""Ways of tuning a model, one file each."""
