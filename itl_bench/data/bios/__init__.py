"""The bios world: invented people, what a base reads about them, what it is tuned on, and what it is asked."""
