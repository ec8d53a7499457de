"""One tokenization for training and generation; loss on the response and its end token only."""

import random

import pytest

from itl_bench.data.bios.pretraining_text import one_pass
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.bios.tuning_items import TuningSpec, tuning_items
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import Item
from itl_bench.data.template import IGNORED, prompt_ids, training_example
from itl_bench.errors import ItlError
from itl_bench.training.pretraining import encode

WORLD = build_world(WorldSpec(seed=5))
TOKENIZER = make_tokenizer(WORLD)
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
