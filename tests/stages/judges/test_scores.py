"""From judgements to a table: a number is a number, and everything else is nothing and counted."""

import math

import pytest

from itl_bench.data.rows import Prompt, Response
from itl_bench.errors import EvidenceError
from itl_bench.measures.rubric import load_rubric
from itl_bench.stages.judges.judgement import Judgement
from itl_bench.stages.judges.scores import aspects_table

RUBRIC = load_rubric("aspects-1")
NUMBERS = dict(zip(RUBRIC.columns, (5.0, 4.0, 3.0, 2.0, 1.0), strict=True))
NOTHING = dict.fromkeys(RUBRIC.columns)
JUDGEMENTS = {
    "a": Judgement(outcome="score", scores=NUMBERS),
    "b": Judgement(outcome="score", scores={**NUMBERS, "factuality": None}),
    "c": Judgement(outcome="na", scores=NOTHING),
    "d": Judgement(outcome="refusal"),
    "e": Judgement(outcome="unparseable"),
    "f": Judgement(outcome="failed"),
    "g": Judgement(outcome="failed"),
}
PROMPTS = [Prompt(id=name, unit=f"u-{name}", instruction="?") for name in JUDGEMENTS]
RESPONSES = [Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text="!") for name in reversed(JUDGEMENTS)]


def table(judgements, cut=()):
    return aspects_table(PROMPTS, RESPONSES, judgements, RUBRIC, cut)


def test_only_numbers_are_numbers_and_all_else_is_counted():
    found = table(JUDGEMENTS, cut=["a", "c"])
    assert found.prompts == tuple("abcdefg")
    assert found.units == tuple(f"u-{name}" for name in "abcdefg")
    assert found.columns == {
        "helpfulness": (5, 5, *[None] * 5),
        "clarity": (4, 4, *[None] * 5),
        "factuality": (3, *[None] * 6),
        "depth": (2, 2, *[None] * 5),
        "engagement": (1, 1, *[None] * 5),
        "log_words": (0.0,) * 7,  # of one word each
    }
    assert found.facts == {
        "judge score": 2, "judge na": 1, "judge refusal": 1, "judge unparseable": 1, "judge failed": 2, "judge cut": 2,
        "judge na helpfulness": 1, "judge na clarity": 1, "judge na factuality": 2, "judge na depth": 1,
        "judge na engagement": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            Judgement(outcome="score", scores={"helpfulness": 5}),
            "'a' .score. has scores of .'helpfulness'.; aspects-1 has",
        ),
        (Judgement(outcome="score", scores={**NUMBERS, "style": 5}), "'style'"),
        (Judgement(outcome="failed", scores=NUMBERS), "'a' .failed. has scores"),
        (Judgement(outcome="score", scores={**NUMBERS, "depth": 6}), "depth of 'a' is 6; aspects-1 goes from 1 to 5"),
        (Judgement(outcome="score", scores={**NUMBERS, "depth": float("nan")}), "depth of 'a' is nan"),
    ],
)
def test_a_judgement_that_is_none_by_the_rubric_is_refused(wrong, said):
    with pytest.raises(EvidenceError, match=said):
        table({**JUDGEMENTS, "a": wrong})


def test_what_does_not_match_is_refused():
    with pytest.raises(EvidenceError, match="1 prompts and judgements have no counterpart, for example 'a'"):
        table({name: one for name, one in JUDGEMENTS.items() if name != "a"})
    with pytest.raises(EvidenceError, match="'z' was cut and is no prompt"):
        table(JUDGEMENTS, cut=["z"])
    with pytest.raises(EvidenceError, match="no counterpart"):
        aspects_table(PROMPTS, RESPONSES[1:], JUDGEMENTS, RUBRIC)


def test_the_length_of_an_answer_stands_beside_its_scores():
    texts = {"a": "one", "b": "one two  three", "c": "", "d": " ", "e": "x y", "f": "x\ny\nz w", "g": "!"}
    responses = [Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text=text) for name, text in texts.items()]
    found = aspects_table(PROMPTS, responses, JUDGEMENTS, RUBRIC).columns["log_words"]
    assert found == pytest.approx([math.log(words) for words in (1, 3, 1, 1, 2, 4, 1)])
