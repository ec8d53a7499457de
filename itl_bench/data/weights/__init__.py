"""Where weights come from and what identifies them: folders, GGUF files, packages, the hub. Part of data."""
