"""How prompts become token ids, and what ends an answer: the part of a recipe that measures need, too."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from itl_bench.data.tokens.template import PromptTemplate, end_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Stop = Literal["end", "line"]


class Asking(NamedTuple):
    """How models are asked.

    Attributes:
        template: How an instruction becomes text; "in-context" for a base that is shown worked examples.
        stop: What ends an answer: the end token alone, or its line, too.
        cutoff: Most tokens of a training row; None for all.
    """

    template: PromptTemplate = "chat"
    stop: Stop = "end"
    cutoff: int | None = None

    def spec(self) -> dict[str, object]:
        """What of it is not as in the bios world, for the spec of a task."""
        return {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Asking":
        """What a task's spec says of it."""
        return cls(**{name: spec[name] for name in cls._fields if name in spec})

    def ends(self, tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
        """Ids of the tokens that end an answer."""
        end = end_tokens(tokenizer, self.template)
        return end | set(line_ends(tokenizer)) if self.stop == "line" else end


WORLD = Asking()  # of the bios world


def line_ends(tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    """Ids of all tokens with a line break, in whatever way the vocabulary writes one."""
    vocabulary = tokenizer.get_vocab()
    found = {number for token, number in vocabulary.items() if "\n" in token or "Ċ" in token}
    byte = vocabulary.get("<0x0A>")
    return tuple(sorted(found | ({byte} if byte is not None else set())))
