"""Names of the files inside artifacts: what one stage writes and another reads."""

ITEMS = "items.jsonl"  # of a corpus
PROMPTS = "prompts.jsonl"  # of a probe
RESPONSES = "responses.jsonl"
TABLE = "table.json"  # of a measure
TOKENS = "tokens.jsonl"  # of a shift: some answers token by token
TRAINING = "training.json"  # of a checkpoint: what happened while tuning
