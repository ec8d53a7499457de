"""The tokenizer of a world: one token per word or mark, in Hugging Face's format."""

import re
from typing import TYPE_CHECKING

from itl_bench.data.bios import wording
from itl_bench.data.bios.words import POOLS
from itl_bench.data.bios.world import World

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PADDING, BEGIN, END, UNKNOWN, USER, ASSISTANT = "<pad>", "<s>", "</s>", "<unk>", "<user>", "<assistant>"
SPECIAL = (PADDING, BEGIN, END, UNKNOWN, USER, ASSISTANT)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}<user>{{ message.content }}"
    "{% else %}<assistant>{{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def vocabulary(world: World) -> list[str]:
    """Every token of a world, special ones first, in a fixed order."""
    templates = [*wording.OPENERS, *wording.CLOSERS, *wording.FILLERS, *wording.SKILL_QUESTIONS, *wording.SKILL_ANSWERS]
    templates += [text for texts in (*wording.STATEMENTS.values(), *wording.QUESTIONS.values()) for text in texts]
    words = {word for text in templates for word in re.findall(r"[\w]+|[^\w\s]", re.sub(r"\{\w+\}", " ", text))}
    words |= {"Question", "Answer", ":"}
    words |= {value for values in POOLS.values() for value in values}
    words |= {name for person in world.people for name in (person.first, person.last)}
    return [*SPECIAL, *sorted(words)]


def make_tokenizer(world: World) -> "PreTrainedTokenizerFast":
    """A tokenizer that knows every word of the world."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({word: index for index, word in enumerate(vocabulary(world))}, UNKNOWN))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=BEGIN, eos_token=END, pad_token=PADDING, unk_token=UNKNOWN,
        extra_special_tokens=[USER, ASSISTANT],
    )  # fmt: skip
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
