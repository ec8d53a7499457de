"""From rows to prompts: groups, and which of them are one unit."""

import pytest

from itl_bench.data.sources.loading import load_prompts
from itl_bench.errors import UsageError
from tests.helpers.tiny_sources import MESSAGES, chat, spec


def test_prompts_have_groups_and_equal_prompts_are_one_unit(tmp_path):
    rows = [
        {"q": "a", "i": "", "math": True, "level": "3", "task": ["x", "y", "x"], "kind": "regular"},
        {"q": "b", "i": "c", "math": False, "level": None, "task": [], "kind": "safety"},
        {"q": "a", "i": "", "math": True, "level": "3", "task": ["y"], "kind": "regular"},
    ]
    fields = {"instruction": "q", "input": "i", "groups": ["math", "level", "task"]}
    loaded = load_prompts("p", spec(tmp_path, rows, fields))
    assert [(prompt.id, prompt.unit, prompt.context) for prompt in loaded.prompts] == [
        ("p-0", "p-0", ""),
        ("p-1", "p-1", "c"),
        ("p-2", "p-0", ""),
    ]
    both = ("p-0", "p-2")
    assert loaded.groups == {"math": both, "level-3": both, "x": ("p-0",), "y": both}
    regular = load_prompts("p", spec(tmp_path, rows, fields, where={"kind": "regular"}, rows=2))
    assert [prompt.id for prompt in regular.prompts] == ["p-0", "p-2"]
    with pytest.raises(UsageError, match="no row has kind = 'regulr'"):
        load_prompts("p", spec(tmp_path, rows, fields, where={"kind": "regulr"}))
    with pytest.raises(UsageError, match="unknown field 'sort'"):
        load_prompts("p", spec(tmp_path, rows, fields, where={"sort": "regular"}))


SPELLINGS = ["Who is Ren\u00e9?", "who is rene\u0301?", "Who  is\u00a0Ren\u00e9?", "\uff37ho is Ren\u00e9?"]


def test_one_question_in_several_spellings_is_one_unit(tmp_path):
    others = ["Who is Rene?", 'Say "x"', "Say \u201cx\u201d", "1 + 1", "1 - 1"]
    rows = [{"q": text} for text in (*SPELLINGS, *others)]
    prompts = load_prompts("p", spec(tmp_path, rows, {"instruction": "q"})).prompts
    assert [prompt.unit for prompt in prompts] == ["p-0"] * 4 + ["p-4", "p-5", "p-5", "p-7", "p-8"]
    assert [prompt.instruction for prompt in prompts] == [row["q"] for row in rows]


def test_ugly_prompts_end_in_one_line(tmp_path):
    with pytest.raises(UsageError, match="a prompt is one instruction, found a conversation of 3 messages"):
        load_prompts("p", spec(tmp_path, [chat("a", "b", "c")], MESSAGES))
    with pytest.raises(UsageError, match="row 0: the prompt is empty"):
        load_prompts("p", spec(tmp_path, [{"q": " "}], {"instruction": "q"}))
    with pytest.raises(UsageError, match="a group is true or false"):
        load_prompts("p", spec(tmp_path, [{"q": "a", "g": {}}], {"instruction": "q", "groups": ["g"]}))
    assert load_prompts("p", spec(tmp_path, [chat("a", "reference")], MESSAGES)).prompts[0].instruction == "a"
