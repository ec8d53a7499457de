"""Preflight is silent where all is well, and names each mistake of a pipeline that does the wrong thing."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.preflight import (
    OWN,
    ROWS,
    ModelFacts,
    Pipeline,
    check_targets,
    item_prompt,
    preflight,
    problems,
)
from itl_bench.data.tokens.special_tokens import trusted_ids
from itl_bench.data.tokens.template import IGNORED, Example, prompt_ids, tokenize_items
from itl_bench.errors import ItlError, UsageError
from tests.helpers.tiny_tokenizers import ALL, CHATML, gemma_like, gpt_neox_like, qwen_like

MODEL = ModelFacts(embedding_rows=400, tuned_rows=400)
MODULES = ("layers.0.q_proj", "layers.0.up_proj")
ITEMS = [
    Item(id="1", instruction="a?", response="bc <eos>"),
    Item(id="2", instruction="c", context="d {e}", response="f\n"),
    Item(id="3", instruction="g", history=(Exchange(instruction="h", response="i"),), response="jkl"),
]
ONE = ITEMS[:1]


def collate(examples, padding):
    """On the right, as tensors."""
    longest = max(len(one.ids) for one in examples)

    def rows(values, filler):
        return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in values])

    return {
        "input_ids": rows([one.ids for one in examples], padding),
        "attention_mask": rows([[1] * len(one.ids) for one in examples], 0),
        "labels": rows([one.labels for one in examples], IGNORED),
    }


def left_mask(prompts, padding):
    longest = max(map(len, prompts))
    return torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])


RIGHT = Pipeline(collate=collate, prompt_mask=left_mask)
KINDS = [(name, template) for name in ALL for template in ("alpaca", "plain", "chat")]


@pytest.mark.parametrize(("name", "template"), KINDS)
@pytest.mark.parametrize("cutoff", [None, 2000])
def test_all_is_well(name, template, cutoff):
    tokenizer = ALL[name]
    if template == "chat" and not tokenizer.chat_template:
        with pytest.raises(UsageError, match="no chat template"):
            preflight(tokenizer, MODEL, ITEMS, template, cutoff, RIGHT)
    else:
        preflight(tokenizer, MODEL, ITEMS, template, cutoff, RIGHT)


@given(st.integers(2, 60))
def test_a_cutoff_is_no_mistake_unless_nothing_is_left(cutoff):
    shortest = min(len(prompt_ids(ALL["gemma_like"], item.instruction, "plain", item.context)) for item in ITEMS)
    expected = [] if cutoff > shortest else [f"no row has a token of a response within {cutoff} tokens"]
    assert problems(ALL["gemma_like"], MODEL, ITEMS, "plain", cutoff, RIGHT) == expected


def rewritten(change):
    """Tokenises as it should, then changes every example."""

    def tokenize(*arguments):
        result = tokenize_items(*arguments)
        return replace(result, examples=tuple(change(example) for example in result.examples))

    return replace(OWN, tokenize=tokenize)


def begun_again(one):
    return Example((2, *one.ids), (IGNORED, *one.labels))


@pytest.mark.parametrize(
    ("pipeline", "found"),
    [
        (rewritten(lambda one: Example(one.ids, one.ids)), ["the prompt bears loss"]),
        (rewritten(lambda one: Example(one.ids, (IGNORED,) * len(one.ids))), ["a row has no token with a loss"]),
        (
            rewritten(lambda one: Example(one.ids, (*one.labels[:-1], IGNORED))),
            ["the end token of a response is missing"],
        ),
        (rewritten(lambda one: Example(one.ids[:-1], one.labels[:-1])), ["the end token of a response is missing"]),
        (
            rewritten(lambda one: Example(one.ids, (*one.labels[1:], IGNORED))),
            ["a label is not the token at its place"],
        ),
        (
            replace(rewritten(begun_again), prompt=lambda *args: (2, *item_prompt(*args))),
            ["in generation the begin token comes twice", "in training the begin token comes twice"],
        ),
        (
            replace(
                rewritten(lambda one: Example(one.ids[1:], one.labels[1:])),
                prompt=lambda *args: item_prompt(*args)[1:],
            ),
            ["in generation the begin token is missing", "in training the begin token is missing"],
        ),
        (
            replace(OWN, prompt=lambda tokenizer, item, _: prompt_ids(tokenizer, item.instruction, "alpaca")),
            ["training is given another prompt than generation"],
        ),
    ],
)
def test_each_mistake_is_found_and_nothing_else(pipeline, found):
    seen = problems(gemma_like(), MODEL, ONE, "plain", None, replace(pipeline, collate=collate))
    assert len(seen) == len(found)
    assert all(line.startswith(start) for line, start in zip(seen, found, strict=True))


def test_a_later_prompt_without_a_mask_is_found():
    def later(one):
        first = next(at for at, label in enumerate(one.labels) if label != IGNORED)
        return Example(one.ids, one.labels[:first] + one.ids[first:])

    (seen,) = problems(gemma_like(), MODEL, ITEMS[2:], "chat", None, rewritten(later))
    assert seen.startswith("the prompt bears loss")


def by_value(examples, padding):
    """Takes every token that is the padding token for padding, as collators do that are given no lengths."""
    batch = collate(examples, padding)
    return batch | {"labels": batch["labels"].masked_fill(batch["input_ids"] == padding, IGNORED)}


def masked_by_value(examples, padding):
    batch = collate(examples, padding)
    return batch | {"attention_mask": batch["input_ids"] != padding}


def on_the_left(examples, padding):
    return {name: rows.flip(1) for name, rows in collate(examples, padding).items()}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"collate": by_value}, "the collator changes labels"),
        ({"collate": masked_by_value}, "the collator's attention mask"),
        ({"collate": on_the_left}, "the collator moves tokens"),
        ({"prompt_mask": lambda *arguments: left_mask(*arguments).flip(1)}, "generation does not pad on the left"),
    ],
)
def test_padding_that_spoils_rows_is_found(changed, found):
    """The end token is the padding token here."""
    (seen,) = problems(gpt_neox_like(), MODEL, ITEMS, "plain", None, replace(RIGHT, **changed))
    assert seen.startswith(found)


def test_text_that_became_a_special_token_is_found():
    def parsed(tokenizer, items, template, cutoff):
        prompt, response = item_prompt(tokenizer, items[0], template), (*trusted_ids(tokenizer, " bc <bos>b"), 1)
        example = Example(prompt + response, (IGNORED,) * len(prompt) + response)
        return replace(tokenize_items(tokenizer, items, template, cutoff), examples=(example,))

    seen = problems(gemma_like(), MODEL, ONE, "plain", None, replace(OWN, tokenize=parsed))
    assert [line.partition(":")[0] for line in seen] == [
        "in training the begin token comes twice", "a response has a special token before its end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ("all-linear", None),
        ("", None),
        (("q_proj", "layers.0.up_proj"), None),
        (r"layers\.\d+\.q_proj", None),
        (("q_prj",), "no module is named 'q_prj'.*did you mean 'q_proj'"),
        (("proj",), "no module is named 'proj'"),
        ("q_prj", r"no module matches the pattern 'q_prj'.*did you mean '\(\.\*\[\.\]\)\?q_proj'\?.*: q_proj, up_proj"),
        ("(", "no regular expression"),
    ],
)
def test_adapters_have_where_to_go(targets, found):
    if found is None:
        check_targets(MODULES, targets)
        return
    with pytest.raises(ItlError, match=found) as caught:
        check_targets(MODULES, targets)
    assert "\n" not in str(caught.value)


def test_the_pattern_that_is_suggested_is_accepted():
    with pytest.raises(ItlError) as caught:
        check_targets(MODULES, "q_proj")
    check_targets(MODULES, str(caught.value).partition("did you mean '")[2].partition("'")[0])


def test_a_model_without_modules_takes_no_adapter():
    with pytest.raises(ItlError, match="no module for an adapter"):
        check_targets((), "all-linear")


def test_the_vocabulary_fits_the_model():
    tokenizer = gemma_like()
    assert problems(tokenizer, replace(MODEL, embedding_rows=len(tokenizer), tuned_rows=None), ONE, "plain") == []
    (resized,) = problems(tokenizer, replace(MODEL, tuned_rows=401), ONE, "plain")
    assert resized == "the tuned model has 401 embeddings, its base 400: the vocabulary was resized"
    (beyond,) = problems(tokenizer, ModelFacts(embedding_rows=300), ONE, "plain")
    first = min(one for one in tokenize_items(tokenizer, ONE, "plain").examples[0].ids if one >= 300)
    assert beyond.startswith(f"rows have token ids beyond the model's 300 embeddings: [{first}, ")


def test_tokens_beyond_the_embeddings_count_where_text_can_become_them():
    tokenizer = gemma_like()
    rows = len(tokenizer)
    tokenizer.add_tokens([AddedToken("<image>", special=True)])  # before the first use
    assert problems(tokenizer, ModelFacts(embedding_rows=rows), ONE, "plain") == []
    tokenizer.add_tokens([AddedToken("<tool>", special=False)])
    (seen,) = problems(tokenizer, ModelFacts(embedding_rows=rows), ONE, "plain")
    assert seen == f"the tokenizer has 1 tokens beyond the model's {rows} embeddings, from id {rows + 1} on"


def test_a_template_that_cannot_be_trained_on_is_a_problem():
    tokenizer = qwen_like()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    with pytest.raises(ItlError) as caught:
        preflight(tokenizer, MODEL, ITEMS, "chat")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "does not end the response" in lines[1]


def test_no_rows_are_a_problem():
    assert problems(gemma_like(), MODEL, [], "plain", None, RIGHT) == ["there are no rows"]


@pytest.mark.parametrize("count", [1, ROWS, ROWS + 1, 1000])
def test_a_few_rows_are_looked_at_from_all_over_the_dataset(count):
    seen = []

    def watched(tokenizer, items, template, cutoff):
        seen.extend(int(item.id) for item in items)
        return tokenize_items(tokenizer, items, template, cutoff)

    items = [ITEMS[0].model_copy(update={"id": str(number)}) for number in range(count)]
    assert problems(ALL["gemma_like"], MODEL, items, "plain", None, replace(OWN, tokenize=watched)) == []
    assert 1 <= len(seen) <= ROWS
    assert seen[0] == 0
    assert seen[-1] >= count * 0.9 - 2


@pytest.mark.parametrize("place", [0, 7, 500, 995])
def test_conversations_of_several_turns_are_looked_at_wherever_they_are(place):
    """Training itself tokenizes all; what is wrong with later turns alone shows in such rows only."""

    def later(one):
        runs = sum(label != IGNORED and before == IGNORED for before, label in pairwise(one.labels))
        return Example(one.ids, one.ids) if runs > 1 else one

    single = [ITEMS[0].model_copy(update={"id": str(number)}) for number in range(995)]
    several = [ITEMS[2].model_copy(update={"id": f"c{number}"}) for number in range(5)]
    items = [*single[:place], *several, *single[place:]]
    (seen,) = problems(ALL["gemma_like"], MODEL, items, "chat", None, rewritten(later))
    assert seen.startswith("the prompt bears loss")


def test_rows_that_the_template_rewrites_are_left_out_and_counted():
    tokenizer = qwen_like()
    tokenizer.chat_template = CHATML.replace("m.content }}", "m.content | replace('  ', ' ') }}")
    rows = [Item(id=str(number), instruction="a", response="b" + " " * (number % 4) + "c") for number in range(8)]
    made = tokenize_items(tokenizer, rows, "chat")
    assert made.rows == ("0", "1", "4", "5")
    (note,) = made.notes
    assert note.startswith("4 rows are left out, the first being 2: the chat template rewrites what is said")
    assert problems(tokenizer, MODEL, rows, "chat") == []
    (seen,) = problems(tokenizer, MODEL, [rows[2], rows[3]], "chat")
    assert seen.startswith("no row can be used, the first being 2: the chat template rewrites")
