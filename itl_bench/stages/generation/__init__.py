"""From prompts to responses: token ids in, token ids out."""
