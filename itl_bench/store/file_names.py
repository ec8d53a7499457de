"""Names of the files inside artifacts: what one stage writes and another reads."""

ITEMS = "items.jsonl"  # of a corpus
REPORT = "report.json"  # of a corpus that was read from files: what was found there
FAMILIARITY = "familiarity.jsonl"  # what a base knows of atlas
PROMPTS = "prompts.jsonl"  # of a probe
RESPONSES = "responses.jsonl"
TABLE = "table.json"  # of a measure
TOKENS = "tokens.jsonl"  # of a shift: some answers token by token
TRAINING = "training.json"  # of a checkpoint: what happened while tuning
