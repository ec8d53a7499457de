"""Answers of real models, read by hand before the code that reads them was last changed, against that code.

The answers are of gemma270m (the base, and tuned with LoRA) and of a small chat model; "states" holds the values that a
person reads in an answer, "?" for what is offered and no value of the relation.
"""

import json
from pathlib import Path

import pytest

from itl_bench.data.atlas.answers import stated
from itl_bench.data.atlas.facts import load_atlas

LABELLED = [
    json.loads(line)
    for line in Path(__file__).with_name("labelled_answers.jsonl").read_text(encoding="utf-8").splitlines()
]
READ_OTHERWISE = {  # as measured once (docs/atlas.md); with values of the relation on either side: the last row
    "chat-14", "chat-24", "chat-25", "chat-26", "chat-27", "chat-32", "chat-34", "chat-63", "chat-67", "chat-78",
    "chat-106", "gemma-12", "gemma-13", "gemma-17", "tuned-15", "tuned-16",
    "chat-64", "chat-93", "gemma-29", "gemma-54",
}  # fmt: skip


def read(answer):
    return {"?" if value.startswith("?") else value for value in stated(answer["text"], answer["relation"])}


def test_labels_are_values_of_their_relation():
    assert len({answer["id"] for answer in LABELLED}) == len(LABELLED) == 108
    for answer in LABELLED:
        assert set(answer["states"]) <= {"?", *load_atlas().relation(answer["relation"]).values}


@pytest.mark.parametrize("answer", LABELLED, ids=[answer["id"] for answer in LABELLED])
def test_answers_are_read_as_by_hand_but_for_those_that_are_known_not_to_be(answer):
    assert (read(answer) == set(answer["states"])) == (answer["id"] not in READ_OTHERWISE)
