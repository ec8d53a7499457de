"""From text to token ids: templates, special tokens, masks, and the checks before training. Part of data."""
