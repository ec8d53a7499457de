"""Datasets of a few rows in a file, and what is read of them."""

import json

from itl_bench.data.sources.loading import load_items
from itl_bench.data.sources.spec import SourceSpec

ALPACA = {"instruction": "instruction", "input": "input", "output": "output"}
MESSAGES = {"messages": "messages"}
QUESTION = {"instruction": "q", "output": "a"}


def spec(path, rows, fields, /, **given):
    path = path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return SourceSpec(path=str(path), fields=fields, **given)


def load(path, rows, fields, /, **given):
    return load_items("d", spec(path, rows, fields, **given))


def chat(*texts, roles=("user", "assistant")):
    return {"messages": [{"role": roles[number % len(roles)], "content": text} for number, text in enumerate(texts)]}
