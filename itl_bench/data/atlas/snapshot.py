"""The atlas as a file: one relation, and one fact, a line."""

import json

from itl_bench.data.atlas.facts import Atlas


def as_text(atlas: Atlas) -> str:
    """The atlas as JSON that `read_atlas` reads, so laid out that a changed fact is a changed line."""
    fields = atlas.model_dump(mode="json")
    lines = [f"{json.dumps(name)}: {_laid_out(value)}" for name, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _laid_out(value: object) -> str:
    """Lists of objects an object a line, all else on one line."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)
