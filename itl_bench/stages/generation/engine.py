"""What answers: token ids in, token ids out, from any number of tuned models of one base."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from itl_bench.stages.generation.parity import Parity


class Asked(NamedTuple):
    """Prompts for one model.

    Attributes:
        checkpoint: Folder of an adapter or of all weights; None for the base itself.
        prompts: Token ids of each prompt, everything before the response included.
        max_new_tokens: Longest response, in tokens.
        ends: Ids of the tokens that end a response.
        padding: Id of the token for padding.
        name: Of the model, for messages.
    """

    checkpoint: Path | None
    prompts: Sequence[Sequence[int]]
    max_new_tokens: int
    ends: Sequence[int]
    padding: int
    name: str = "the base"


class Answered(NamedTuple):
    """Greedy responses of one model.

    Attributes:
        place: Among those that were asked.
        responses: Gives token ids of each response, with the end token where the model gave one; raises where this
            model cannot be asked.
        seconds: Its share of what was spent on all of them, the call of `responses` not counted.
        parity: How a sample of them agrees with those of transformers; None where transformers gave them.
    """

    place: int
    responses: Callable[[], list[list[int]]]
    seconds: float = 0.0
    parity: Parity | None = None


class Engine(Protocol):
    """Lets models of one base answer."""

    def __call__(self, base: Path, asked: Sequence[Asked]) -> Generator[Answered]:
        """Each of those that are asked once, in any order; closed, it gives back what it loaded."""
