"""Each check finds what it is for, on rows of bare numbers, and nothing in rows that are right."""

import pytest

from itl_bench.data.tokens.row_checks import (
    batch_problems,
    begin_problems,
    label_problems,
    prompt_mask_problems,
    text_problems,
)
from itl_bench.data.tokens.template import IGNORED, Example

BEGIN, END, X = 1, 2, IGNORED
IDS = (BEGIN, 5, 6, 7, END, 5, 6, 8, 9, END)  # two exchanges
LABELS = (X, X, X, 7, END, X, X, 8, 9, END)
PROMPTS = [IDS[:3], IDS[:7]]


@pytest.mark.parametrize(
    ("prompt", "ids", "once", "found"),
    [
        ([1, 5], [1, 5, 6], True, []),
        ([1, 1, 5], [1, 5], True, ["in generation the begin token comes twice"]),
        ([1, 5], [1, 5, 1, 6], True, ["in training the begin token comes twice"]),
        ([1, 5], [1, 5, 1, 6], False, []),
        ([1, 5], [1, 1, 6], False, ["in training the begin token comes twice"]),
        ([5], [5, 1], True, ["in generation the begin token is missing", "in training the begin token is missing"]),
        ([], [], True, ["in generation the begin token is missing", "in training the begin token is missing"]),
    ],
)
def test_the_begin_token_comes_once(prompt, ids, once, found):
    assert list(begin_problems(prompt, ids, [BEGIN], once)) == found
    assert list(begin_problems(prompt, ids, [])) == []


def test_a_begin_of_two_tokens_comes_once_as_a_whole():
    assert list(begin_problems([1, 2, 5], [1, 2, 6], [1, 2])) == []
    assert list(begin_problems([1, 2, 5], [1, 2, 1, 2, 6], [1, 2])) == ["in training the begin token comes twice"]
    assert list(begin_problems([1, 5], [1, 2, 6], [1, 2])) == ["in generation the begin token is missing"]


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (LABELS, None),
        ((X,) * 10, "no token with a loss"),
        (IDS, "the prompt bears loss"),
        ((X, X, X, *IDS[3:]), "the prompt bears loss"),  # of the second exchange
        ((X, X, *IDS[2:5], *LABELS[5:]), "the prompt bears loss"),  # from its last token on
        ((X,) * 5 + LABELS[5:], "beginning of a response bears no loss"),
        ((*LABELS[:7], X, 9, END), "beginning of a response bears no loss"),
        ((*LABELS[:9], X), "end token of a response is missing"),
        ((*LABELS[:4], X, *LABELS[5:]), "end token of a response is missing"),
        ((X, X, 7, END, X, X, 8, 9, END, X), "not the token at its place"),
        (LABELS[:9], "not the token at its place"),
    ],
)
def test_labels_are_the_responses_with_their_ends(labels, found):
    problems = list(label_problems(Example(IDS, labels), PROMPTS, END, None))
    assert len(problems) == int(found is not None)
    assert not found or found in problems[0]


@pytest.mark.parametrize("cutoff", range(4, 11))
def test_what_a_cutoff_leaves_is_right(cutoff):
    last = max(at for at in range(cutoff) if LABELS[at] != X) + 1
    assert list(label_problems(Example(IDS[:last], LABELS[:last]), PROMPTS, END, cutoff)) == []


def test_a_response_that_lacks_its_end_before_the_cutoff_is_found():
    assert list(label_problems(Example(IDS[:9], LABELS[:9]), PROMPTS, END, 10)) != []
    assert list(label_problems(Example(IDS[:5], LABELS[:5]), PROMPTS, END, 10)) != []  # the second is missing
    assert list(label_problems(Example(IDS, LABELS), [*PROMPTS, (*IDS, 7)], END, None)) != []  # a third is


@pytest.mark.parametrize("prompts", [[IDS[:3], (BEGIN, 5, 5)], [(5, *IDS[:3])]])
def test_another_prompt_in_generation_is_drift(prompts):
    (problem,) = label_problems(Example(IDS, LABELS), prompts, END, None)
    assert "template drifts" in problem


def test_a_special_token_inside_a_response_was_text():
    special = frozenset({BEGIN, END})
    assert list(text_problems(Example(IDS, LABELS), special, END)) == []
    assert len(list(text_problems(Example(IDS, (*LABELS[:3], *IDS[3:])), special, END))) == 1
    assert len(list(text_problems(Example((5, BEGIN, END), (X, BEGIN, END)), special, END))) == 1


def test_an_earlier_response_may_lack_its_end_only_where_the_template_ends_the_last_one_alone():
    without_end = Example(IDS[:4] + IDS[5:], LABELS[:4] + LABELS[5:])
    prompts = [IDS[:3], without_end.ids[:6]]
    assert list(label_problems(without_end, prompts, END, None, ended=False)) == []
    assert len(list(label_problems(without_end, prompts, END, None))) == 1
    endless = Example(without_end.ids[:-1], without_end.labels[:-1])
    assert len(list(label_problems(endless, prompts, END, None, ended=False))) == 1


def test_an_earlier_response_to_another_prompt_bears_no_loss():
    prompts = [(BEGIN, 5, 5), IDS[:7]]
    assert list(label_problems(Example(IDS, (X,) * 7 + LABELS[7:]), prompts, END, None)) == []
    assert list(label_problems(Example(IDS, LABELS), prompts, END, None)) != []


EXAMPLES = [Example((1, 5, 2), (X, 5, 2)), Example((1, 6), (X, 6))]
GOOD = {
    "input_ids": [[1, 5, 2], [1, 6, 0]], "attention_mask": [[1, 1, 1], [1, 1, 0]], "labels": [[X, 5, 2], [X, 6, X]],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, None),
        ({"input_ids": [[1, 5, 2], [0, 1, 6]]}, "moves tokens"),
        ({"attention_mask": [[1, 1, 0], [1, 1, 0]]}, "attention mask"),
        ({"attention_mask": [[1, 1, 1], [1, 1, 1]]}, "attention mask"),
        ({"labels": [[X, 5, X], [X, 6, X]]}, "changes labels"),
        ({"labels": [[X, 5, 2], [X, 6, 0]]}, "padding bears loss"),
    ],
)
def test_a_batch_keeps_its_rows(change, found):
    problems = list(batch_problems(EXAMPLES, GOOD | change))
    assert len(problems) == int(found is not None)
    assert not found or found in problems[0]


def test_generation_pads_on_the_left():
    assert list(prompt_mask_problems([(1, 5, 6), (1,)], [[1, 1, 1], [0, 0, 1]])) == []
    for wrong in ([1, 0, 0], [0, 1, 1], [1, 1, 1]):
        assert len(list(prompt_mask_problems([(1, 5, 6), (1,)], [[1, 1, 1], wrong]))) == 1
