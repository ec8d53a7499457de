"""From rows to items and prompts: text is kept, every row is accounted for."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.sources.loading import load_items, load_prompts
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError
from tests.helpers.tiny_sources import ALPACA, MESSAGES, QUESTION, chat, load, spec


def both(speaker=None, value=None, role=None, content=None):
    """A message of one shape in a table that has both: the fields of the other are null."""
    return {"from": speaker, "value": value, "role": role, "content": content}


def flagged(**flags):
    """A conversation whose second message says whether it bears the loss."""
    row = chat("a", "b")
    return {"messages": [row["messages"][0], row["messages"][1] | flags]}


def test_rows_keep_their_text_but_for_white_space_around_it_and_line_ends(tmp_path):
    rows = [{"instruction": " Add\u2028é:\r\n  x\ry", "input": "\ufeff1\u00a0e\u0301\u00a0", "output": "\n\t2  3 \r\n"}]
    assert load(tmp_path, rows, ALPACA).items == (
        Item(id="d-0", instruction="Add\u2028é:\n  x\ny", context="1\u00a0e\u0301", response="2  3"),
    )


AROUND = st.text(" \t\r\n\u00a0\u3000\ufeff", max_size=4)


@settings(max_examples=30, deadline=None)
@given(AROUND, AROUND)
def test_white_space_around_texts_changes_neither_items_nor_prompts_nor_their_digest(tmp_path_factory, before, after):
    def around(text):
        return f"{before}{text}{after}"

    folder = tmp_path_factory.mktemp("rows")
    plain = {"s": "Be brief.", "q": "Where is it?", "i": "the Louvre", "a": "Paris", "h": [["Hi", "Hello"]]}
    spaced = {name: around(text) if name != "h" else [[around("Hi"), around("Hello")]] for name, text in plain.items()}
    fields = {"system": "s", "instruction": "q", "input": "i", "output": "a", "history": "h"}
    asked = {"instruction": "q", "input": "i"}
    assert load(folder, [spaced], fields) == load(folder, [plain], fields)
    assert load_prompts("p", spec(folder, [spaced], asked)) == load_prompts("p", spec(folder, [plain], asked))


@pytest.mark.parametrize("nothing", ["", " ", "\u00a0\n", "\u200b\ufeff", "\u00ad"])
def test_a_text_in_which_nothing_is_seen_is_empty(tmp_path, nothing):
    rows = [{"q": nothing, "a": "x"}, {"q": "x", "a": nothing}, {"q": "x", "a": "y"}]
    report = load(tmp_path, rows, QUESTION).report
    assert (report.kept, report.empty_instructions, report.empty_responses) == (1, 1, 1)
    with pytest.raises(UsageError, match="row 0: the prompt is empty"):
        load_prompts("p", spec(tmp_path, rows, {"instruction": "q"}))


def test_a_table_saved_with_line_ends_of_windows_is_the_same_dataset(tmp_path):
    text = 'q,a\nWhere?,"Paris,\nFrance"\nWhen?,1789\n'
    loaded = []
    for name, content in (("unix", text), ("windows", text.replace("\n", "\r\n")), ("marked", "\ufeff" + text)):
        (tmp_path / name).write_bytes(content.encode())
        loaded.append(load_items("d", SourceSpec(path=str(tmp_path / name), fields=QUESTION)))
    assert loaded[0] == loaded[1] == loaded[2]
    assert loaded[0].items[0].response == "Paris,\nFrance"


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        (chat("a", "b", "c", "d"), MESSAGES),
        (
            {"c": [{"from": who, "value": text} for who, text in zip(["human", "gpt"] * 2, "abcd", strict=True)]},
            {"messages": "c"},
        ),
        ({"conversations": ["a", "b", "c", "d"]}, {"messages": "conversations"}),
        ({"c": [both(*one) for one in zip(["human", "gpt"] * 2, "abcd", strict=True)]}, {"messages": "c"}),
        ({"c": [both(None, None, *one) for one in zip(["user", "model"] * 2, "abcd", strict=True)]}, {"messages": "c"}),
        ({"q": "c", "a": "d", "h": [["a", "b"]]}, {"prompt": "q", "response": "a", "history": "h"}),
    ],
    ids=["role-content", "from-value", "texts", "from-value-with-nulls", "role-content-with-nulls", "history"],
)
def test_every_shape_of_a_conversation_is_one_item(tmp_path, row, fields):
    loaded = load(tmp_path, [row], fields)
    history = (Exchange(instruction="a", response="b"),)
    assert loaded.items == (Item(id="d-0", instruction="c", history=history, response="d"),)


def test_a_system_message_stands_before_the_first_instruction(tmp_path):
    rows = [chat("be brief", "a", "b", "c", "d", roles=("system", "user", "assistant", "user", "assistant"))]
    loaded = load(tmp_path, rows, MESSAGES)
    assert loaded.items[0].history[0].instruction == "be brief\n\na"
    assert loaded.items[0].instruction == "c"
    assert loaded.report.system_messages == 1
    beside = load(tmp_path, [{"q": "a", "a": "b", "s": "be brief"}], {**QUESTION, "system": "s"})
    assert beside.items[0].instruction == "be brief\n\na"


@pytest.mark.parametrize("flags", [{"weight": 1}, {"weight": 1.0}, {"train": True}, {"weight": None}, {"loss": True}])
def test_a_flag_that_says_what_is_done_anyway_changes_nothing(tmp_path, flags):
    assert load(tmp_path, [flagged(**flags)], MESSAGES).items == load(tmp_path, [chat("a", "b")], MESSAGES).items


def test_a_system_field_that_repeats_the_first_message_is_one(tmp_path):
    row = {"s": "be brief", **chat("be brief", "a", "b", roles=("system", "user", "assistant"))}
    (item,) = load(tmp_path, [row], {**MESSAGES, "system": "s"}).items
    assert (item.instruction, item.history) == ("be brief\n\na", ())


def test_an_empty_system_message_leaves_the_field_its_word(tmp_path):
    row = {"s": "be brief", **chat(" ", "a", "b", roles=("system", "user", "assistant"))}
    (item,) = load(tmp_path, [row], {**MESSAGES, "system": "s"}).items
    assert item.instruction == "be brief\n\na"


@pytest.mark.parametrize("shape", [("role", "content"), ("from", "value")])
@pytest.mark.parametrize("flag", ["weight", "train", "trainable", "train_on_turn", "loss"])
def test_flags_are_honoured_or_refused_in_every_shape_of_a_message(tmp_path, shape, flag):
    def row(asked, answered):
        turns = zip(("user", "assistant"), "ab", (asked, answered), strict=True)
        return {"messages": [{**dict(zip(shape, turn[:2], strict=True)), flag: turn[2]} for turn in turns]}

    of_any_message = [(True, True), (1, 1), (0.5, None)] if flag == "weight" else []  # only a response's weighs
    for flags in ((None, None), (None, True), (False, 1), (0, 1.0), *of_any_message):
        assert load(tmp_path, [row(*flags)], MESSAGES).items == load(tmp_path, [chat("a", "b")], MESSAGES).items
    of_responses = [] if flag == "weight" else [(True, True)]
    for flags in ((None, False), (None, 0.5), (None, "true"), *of_responses):
        with pytest.raises(UsageError, match=f"'{flag}' of .* is not honoured here"):
            load(tmp_path, [row(*flags)], MESSAGES)


def test_no_input_is_an_empty_input(tmp_path):
    rows = [{"instruction": "a", "input": text, "output": "b"} for text in ("<noinput>", "x")]
    loaded = load(tmp_path, rows, {**ALPACA, "no_input": ["<noinput>"]})
    assert [item.context for item in loaded.items] == ["", "x"]


def test_rows_that_cannot_be_tuned_on_are_counted_and_numbers_stay(tmp_path):
    rows = [
        chat("a", "b"),
        chat("a", "  \n"),
        chat(" ", "b"),
        chat("a"),
        {"messages": []},
        chat("x", "a", "b", roles=("assistant", "user", "assistant")),
        chat("a", "b", "c", roles=("user", "assistant", "assistant")),
        chat("a", "b", "c"),
        chat("a", "b"),
    ]
    loaded = load(tmp_path, rows, MESSAGES)
    assert [item.id for item in loaded.items] == ["d-0", "d-7", "d-8"]
    assert loaded.report.facts == {
        "rows": 9,
        "kept": 3,
        "duplicates": 2,
        "duplicates_dropped": 0,
        "empty_responses": 1,
        "empty_instructions": 1,
        "unanswered": 2,
        "not_user_first": 1,
        "not_alternating": 1,
        "cut_ends": 1,
        "system_messages": 0,
        "unread_parts": 0,
    }
    dropped = load(tmp_path, rows, MESSAGES, drop_duplicates=True)
    assert [item.id for item in dropped.items] == ["d-0"]
    assert dropped.report.duplicates_dropped == dropped.report.duplicates == 2


TURN = st.tuples(st.sampled_from(["user", "assistant", "system"]), st.sampled_from(["", "a", "b"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(TURN, max_size=5), max_size=6), st.booleans())
def test_every_row_is_kept_or_counted_and_all_items_can_be_tuned_on(tmp_path_factory, conversations, drop):
    good = chat("good", "answer")
    rows = [good, *({"messages": [{"role": r, "content": t} for r, t in turns]} for turns in conversations)]
    loaded = load(tmp_path_factory.mktemp("rows"), rows, MESSAGES, drop_duplicates=drop)
    left_out = (
        "duplicates_dropped",
        "empty_responses",
        "empty_instructions",
        "unanswered",
        "not_user_first",
        "not_alternating",
    )
    assert loaded.report.rows == len(rows) == len(loaded.items) + sum(loaded.report.facts[name] for name in left_out)
    for item in loaded.items:
        turns = rows[int(item.id.removeprefix("d-"))]["messages"]
        system = turns.pop(0)["content"] if turns[0]["role"] == "system" else ""
        texts = [text for one in (*item.history, item) for text in (one.instruction, one.response)]
        assert all(texts)
        assert [f"{system}\n\n{turns[0]['content']}" if system else turns[0]["content"], *texts[1:]] == texts
        assert texts[1:] == [turn["content"] for turn in turns[1 : len(texts)]]
        assert [turn["role"] for turn in turns[len(texts) :]] in ([], ["user"])


def test_the_digest_is_of_the_content_in_order_and_of_nothing_else(tmp_path):
    rows = [{"q": "a", "a": "é"}, {"q": "b", "a": "2"}]
    digest = hashlib.sha256('["a","","é"]\n["b","","2"]\n'.encode()).hexdigest()
    assert load(tmp_path, rows, QUESTION).report.sha256 == digest
    assert load(tmp_path, rows, QUESTION, sha256=digest).report.sha256 == digest
    same = [{"instruction": row["q"], "input": "", "output": row["a"] + " ", "more": 1} for row in rows]
    assert load(tmp_path, same, ALPACA).report.sha256 == digest
    assert load(tmp_path, rows[::-1], QUESTION).report.sha256 != digest
    with pytest.raises(UsageError, match=r"the content has sha256 .*, declared is 0000"):
        load(tmp_path, rows, QUESTION, sha256="0" * 64)


def test_the_number_of_rows_is_checked(tmp_path):
    rows = [{"q": "a", "a": "1"}] * 3
    assert load(tmp_path, rows, QUESTION, rows=3).report.notes == ()
    with pytest.raises(UsageError, match="d: 3 rows were read, declared are 4; get the complete dataset"):
        load(tmp_path, rows, QUESTION, rows=4)
    assert load(tmp_path, rows, QUESTION, rows=4, partial=True).report.notes == ("a partial copy: 3 of 4 rows",)


def test_several_files_are_one_dataset(tmp_path):
    for number in (1, 0):
        (tmp_path / f"part-{number}").write_text(f'[{{"q": "{number}", "a": "x"}}]')
    loaded = load_items("d", SourceSpec(path=str(tmp_path), files=["part-*"], fields=QUESTION))
    assert [(item.id, item.instruction) for item in loaded.items] == [("d-0", "0"), ("d-1", "1")]


BAD = [
    ([{"instructions": "a", "output": "b"}], ALPACA, "unknown field 'instruction'; did you mean 'instructions'"),
    ([{"instruction": "a", "output": "b"}], ALPACA, "unknown field 'input'.*(the fields that the rows have)"),
    ([{"q": "a", "a": "b"}, {"q": "a"}], QUESTION, "row 1: unknown field 'a'"),
    ([{"q": "a", "a": None}], QUESTION, "row 0: 'a': expected text, found None"),
    ([{"q": "a", "a": ["b"]}], QUESTION, r"row 0: 'a': expected text, found \['b'\]"),
    ([{"q": "a", "a": "\ud83d"}], QUESTION, r"\\ud83d is half a character"),
    ([{"q": "a", "a": " "}], QUESTION, r"none of 1 rows can be used \(empty responses: 1\)"),
    ([{"messages": "a"}], MESSAGES, "'messages': expected a list, found 'a'"),
    ([{"messages": [1]}], MESSAGES, "message 0: expected a message, found 1"),
    ([{"messages": [{"role": "user"}]}], MESSAGES, "message 0: accepted is"),
    ([chat("a", "b", roles=("user", "asistant"))], MESSAGES, "unknown role 'asistant'; did you mean 'assistant'"),
    ([{"messages": [both()]}], MESSAGES, "message 0: accepted is"),
    ([{"messages": [both("human", "a", "user", "b")]}], MESSAGES, "message 0: accepted is"),
    (
        [flagged(weight=0)],
        MESSAGES,
        "message 1: 'weight' of 0 is not honoured here: all responses bear the loss",
    ),
    ([flagged(train=False)], MESSAGES, "message 1: 'train' of False is not honoured"),
    ([flagged(weight=0.5)], MESSAGES, "message 1: 'weight' of 0.5 is not honoured"),
    (
        [{"messages": [{"role": "user", "content": "a", "train": 1}, {"role": "assistant", "content": "b"}]}],
        MESSAGES,
        "message 0: 'train' of 1 is not honoured",
    ),
    ([chat("a", "b") | {"weight": 0}], MESSAGES, "row 0: 'weight' of 0 is not honoured here"),
    ([{"q": "a", "a": "b", "trainOnRow": False}], QUESTION, "row 0: 'trainOnRow' of False is not honoured here"),
    (
        [{"s": "be brief", **chat("be long", "a", "b", roles=("system", "user", "assistant"))}],
        {**MESSAGES, "system": "s"},
        "the field 's' and the first message are two system messages",
    ),
    ([{"q": "a", "a": "b", "h": ["c"]}], {**QUESTION, "history": "h"}, r"expected a list of \[instruction, response\]"),
]


@pytest.mark.parametrize(("rows", "fields", "message"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_ugly_rows_end_in_one_line(tmp_path, rows, fields, message):
    with pytest.raises(UsageError, match=message) as caught:
        load(tmp_path, rows, fields)
    assert "\n" not in str(caught.value)


def test_ugly_datasets_end_in_one_line(tmp_path):
    (tmp_path / "empty").write_text("[]")
    with pytest.raises(UsageError, match="the dataset is empty"):
        load_items("d", SourceSpec(path=str(tmp_path / "empty"), fields=QUESTION))
    with pytest.raises(UsageError, match="'fields' names no 'output'"):
        load(tmp_path, [{"q": "a"}], {"instruction": "q"})
    (tmp_path / "bare.csv").write_text("What is 1 + 1?,2\nWhat is 2 + 2?,4\n")
    with pytest.raises(UsageError, match=r"unknown field 'q'.* Accepted: 2, What is 1 \+ 1\?"):
        load_items("d", SourceSpec(path=str(tmp_path / "bare.csv"), fields=QUESTION))


def test_a_row_in_two_forms_of_unicode_is_a_duplicate(tmp_path):
    rows = [{"q": "Caf\u00e9?", "a": "\u00e9"}, {"q": "Cafe\u0301?", "a": "e\u0301"}, {"q": "Cafe?", "a": "e"}]
    assert load(tmp_path, rows, QUESTION).report.duplicates == 1
    assert [item.id for item in load(tmp_path, rows, QUESTION, drop_duplicates=True).items] == ["d-0", "d-2"]
