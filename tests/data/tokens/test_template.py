"""One tokenization for training and generation; loss on the responses and their end tokens only."""

import random
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.bios.pretraining_text import one_pass
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.bios.tuning_items import TuningSpec, tuning_items
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.template import (
    IGNORED,
    end_token,
    prompt_ids,
    response_text,
    tokenize_items,
    training_example,
)
from itl_bench.data.tokens.wordings import ANSWER, EXAMPLES, QUESTION
from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.training.bases import encode
from tests.helpers.tiny_tokenizers import ALL, gemma_like, gpt_neox_like, llama_like, qwen_like

WORLD = build_world(WorldSpec(seed=5))
TOKENIZER = make_tokenizer(WORLD)
KINDS = [
    (name, template)
    for name in ALL
    for template in ("alpaca", "plain", "chat")
    if ALL[name].chat_template or template != "chat"
]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["<eos>", "<bos>", "<|im_end|>", "<end_of_turn>", "<|endoftext|>", "### Response:", "\n", " "]),
        st.text(max_size=4).filter(lambda text: "▁" not in text),
    ),
    max_size=4,
).map("".join)  # fmt: skip
ITEMS = st.builds(
    Item, id=st.just("x"), instruction=TEXTS, context=TEXTS, response=TEXTS,
    history=st.lists(st.builds(Exchange, instruction=TEXTS, response=TEXTS), max_size=2).map(tuple),
)  # fmt: skip
LONG = Item(
    id="l", instruction="c?", context="d", response="efg",
    history=(Exchange(instruction="a?", response="b"),),
)  # fmt: skip
ITEM = tuning_items(WORLD, TuningSpec(new_percent=30, style="long", rows=50), 1)[0]


def test_begin_once_then_user_question_assistant():
    ids = prompt_ids(TOKENIZER, ITEM.instruction)
    tokens = TOKENIZER.convert_ids_to_tokens(ids)
    assert tokens[:2] == ["<s>", "<user>"]
    assert tokens[-1] == "<assistant>"
    assert tokens.count("<s>") == 1


def test_labels_are_the_response_and_its_end():
    example = training_example(TOKENIZER, ITEM)
    start = prompt_ids(TOKENIZER, ITEM.instruction)
    assert example.ids[: len(start)] == start
    assert set(example.labels[: len(start)]) == {IGNORED}
    assert example.labels[len(start) :] == example.ids[len(start) :]
    assert example.labels[-1] == TOKENIZER.eos_token_id
    assert example.ids.count(TOKENIZER.eos_token_id) == 1
    assert TOKENIZER.decode(example.labels[len(start) : -1]) == ITEM.response


def test_nothing_of_the_world_is_unknown_to_its_tokenizer():
    documents = one_pass(WORLD, random.Random(0))
    tokens = {token for document in documents for token in encode(document, TOKENIZER)}
    for style in ("short", "long", "simple", "padded"):
        for item in tuning_items(WORLD, TuningSpec(new_percent=50, style=style, rows=300), 1):
            tokens |= set(training_example(TOKENIZER, item).ids)
    assert TOKENIZER.unk_token_id not in tokens


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}<assistant>{% else %}{{ m.content }}"
            "{% endif %}{% endfor %}",
            "does not end the response",
        ),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% else %}{{ eos_token }}{% endif %}",
            "another prompt than generation",
        ),
    ],
)
def test_a_template_that_would_spoil_training_is_refused(template, message):
    tokenizer = make_tokenizer(WORLD)
    tokenizer.chat_template = template
    with pytest.raises(ItlError, match=message):
        training_example(tokenizer, Item(id="x", instruction="What is the hobby of", response="chess."))


def responses(tokenizer, example, template):
    """Of every stretch of labels: its end token left out, as text."""
    end = end_token(tokenizer, template)
    runs = [list(run) for kept, run in groupby(example.labels, lambda label: label != IGNORED) if kept]
    assert all(run[-1] == end and end not in run[:-1] for run in runs)
    return [response_text(tokenizer, run, template) for run in runs]


@pytest.mark.parametrize(("name", "template"), KINDS)
@given(ITEMS)
def test_labels_are_the_responses_whatever_the_text(name, template, item):
    tokenizer = ALL[name]
    example = training_example(tokenizer, item, template)
    said = [one.response for one in item.history] + [item.response]
    if template == "chat" and name != "qwen_like":  # these templates strip what is said, or put spaces around it
        assert [text.strip() for text in responses(tokenizer, example, template)] == [text.strip() for text in said]
    else:
        assert responses(tokenizer, example, template) == said
    assert all(label in (IGNORED, token) for token, label in zip(example.ids, example.labels, strict=True))
    begin, llama2 = tokenizer.bos_token_id, template == "chat" and name == "llama_like"
    if begin not in (None, tokenizer.eos_token_id):
        assert example.ids[0] == begin
        assert example.ids.count(begin) == (len(said) if llama2 else 1)  # Llama 2 begins every exchange anew


@pytest.mark.parametrize(("name", "template"), KINDS)
@given(ITEMS)
def test_the_prompt_of_generation_is_the_prompt_of_training(name, template, item):
    tokenizer = ALL[name]
    example = training_example(tokenizer, item, template)
    prompt = prompt_ids(tokenizer, item.instruction, template, item.context, item.history)
    assert example.ids[: len(prompt)] == prompt
    assert example.labels[len(prompt) :] == example.ids[len(prompt) :]
    assert example.labels[len(prompt) - 1] == IGNORED


@pytest.mark.parametrize("name", ["gemma_like", "qwen_like"])
def test_alpaca_as_published(name):
    tokenizer = ALL[name]
    text = (
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n### Instruction:\nAdd {these}.\n\n### Input:\n1 2\n\n"
        "### Response:"
    )
    begin = "<bos>" if name == "gemma_like" else ""
    assert tokenizer.decode(prompt_ids(tokenizer, "Add {these}.", "alpaca", "1 2")) == begin + text
    without = tokenizer.decode(prompt_ids(tokenizer, "Hi", "alpaca"))
    assert "input" not in without
    assert without.endswith("request.\n\n### Instruction:\nHi\n\n### Response:")


def test_plain_is_short_and_the_answer_begins_with_its_space():
    decoded = [
        tokenizer.decode(training_example(tokenizer, LONG, "plain").ids)
        for tokenizer in (gemma_like(), gpt_neox_like())
    ]
    assert decoded[0] == "<bos>Question: a?\nAnswer: b<eos>Question: c?\nd\nAnswer: efg<eos>"
    assert decoded[1] == decoded[0].replace("<bos>", "").replace("<eos>", "<|endoftext|>")


def test_no_second_space_where_the_tokenizer_puts_one_before_every_text():
    tokenizer = llama_like()
    tokens = tokenizer.convert_ids_to_tokens(list(training_example(tokenizer, LONG, "plain").ids))
    assert "".join(tokens).endswith("Answer:▁efg<eos>")


def test_in_context_gives_examples_and_ends_where_the_answer_begins():
    tokenizer = gemma_like()
    text = tokenizer.decode(prompt_ids(tokenizer, "Why?", "in-context", "Because.", LONG.history))
    assert text.startswith("<bos>Below are questions")
    assert text.count(QUESTION) == text.count(ANSWER) == len(EXAMPLES) + 2
    assert text.endswith(f"{QUESTION}a?{ANSWER}b{QUESTION}Why?\n\nBecause.{ANSWER}")


def test_the_answer_in_context_stops_before_the_bases_own_question():
    tokenizer = gemma_like()
    ids = tokenizer(f"Paris.{QUESTION}What{ANSWER}No", add_special_tokens=False)["input_ids"]
    assert response_text(tokenizer, ids, "in-context") == "Paris."
    assert response_text(tokenizer, [*tokenizer("Paris.")["input_ids"], 1, 7], "in-context") == "Paris."


def test_history_in_chat_bears_loss_and_its_template_writes_all_turns():
    tokenizer = qwen_like()
    assert tokenizer.decode(training_example(tokenizer, LONG).ids) == (
        "<|im_start|>user\na?<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
        "<|im_start|>user\nc?\n\nd<|im_end|>\n<|im_start|>assistant\nefg<|im_end|>"
    )


@pytest.mark.parametrize("template", ["plain", "chat"])
@given(cutoff=st.integers(2, 120))
def test_a_cutoff_keeps_the_beginning(template, cutoff):
    tokenizer = ALL["gemma_like"]
    whole = training_example(tokenizer, LONG, template)
    result = tokenize_items(tokenizer, [LONG], template, cutoff)
    first = whole.labels.index(ord("b") - 33 + 4 + 256 + 1) if template == "chat" else whole.ids.index(1) - 2
    if cutoff <= first:
        assert (result.examples, result.truncated, result.dropped) == ((), 0, 1)
        with pytest.raises(ItlError, match=f"item l: no token of a response is within {cutoff} tokens"):
            training_example(tokenizer, LONG, template, cutoff)
    else:
        (example,) = result.examples
        assert example == training_example(tokenizer, LONG, template, cutoff)
        assert example.ids == whole.ids[: len(example.ids)]
        assert sum(label != IGNORED for label in example.labels) == sum(one != IGNORED for one in whole.labels[:cutoff])
        assert len(example.ids) <= cutoff
        assert (result.truncated, result.dropped) == (int(cutoff < len(whole.ids)), 0)


def test_a_response_that_is_cut_has_no_end():
    tokenizer = gemma_like()
    whole = training_example(tokenizer, ITEM, "plain")
    cut = training_example(tokenizer, ITEM, "plain", len(whole.ids) - 1)
    assert tokenizer.eos_token_id not in cut.ids
    assert cut.labels == whole.labels[:-1]


def test_counts_and_order_of_a_dataset():
    tokenizer = gemma_like()
    items = [LONG.model_copy(update={"history": (), "instruction": "a" * size}) for size in (10, 30, 12, 99)]
    sizes = [len(training_example(tokenizer, item, "plain").ids) for item in items]
    result = tokenize_items(tokenizer, iter(items), "plain", sizes[0] + 1)
    assert [len(example.ids) for example in result.examples] == [sizes[0], sizes[0] + 1]
    assert (result.truncated, result.dropped) == (1, 2)
    assert tokenize_items(tokenizer, [], "plain").examples == ()


def test_input_that_names_nothing_is_answered_with_what_is_accepted():
    with pytest.raises(UsageError, match="unknown template 'alpacca'; did you mean 'alpaca'"):
        prompt_ids(gemma_like(), "a", "alpacca")
    with pytest.raises(UsageError, match="for prompts only"):
        training_example(gemma_like(), LONG, "in-context")
    with pytest.raises(UsageError, match="cutoff is 1"):
        training_example(gemma_like(), LONG, "plain", 1)
    with pytest.raises(UsageError, match="'alpaca' or 'plain'"):
        prompt_ids(gpt_neox_like(), "a")
    endless = gemma_like()
    endless.eos_token = None
    with pytest.raises(ItlError, match="no end token"):
        training_example(endless, LONG, "plain")
