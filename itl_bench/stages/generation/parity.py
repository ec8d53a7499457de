"""Whether another engine answers as transformers does: the same tokens, or others only where the model was unsure."""

import random
from collections.abc import Sequence
from math import inf, isinf
from pathlib import Path

from pydantic import Field

from itl_bench.errors import UnservedError
from itl_bench.specs import Count, Spec
from itl_bench.stages.generation.decoding import Trace
from itl_bench.store.artifact import PARITY

SAMPLE = 32  # prompts of every model that both engines answer
SEED = 0  # of their draw
UNSURE = 1e-3  # nats between a model's two best tokens, below which rounding may turn them round in fp32
UNSURE_COARSE = 0.5  # the same in bf16, whose numbers near a logit of 20 are 0.125 apart
CEILING = 0.5  # share of answers that may differ in a coarser precision, where rounding is larger than most gaps


class Divergence(Spec):
    """The first token of an answer in which the engines differ.

    Attributes:
        prompt: Its place among the prompts.
        position: Of the token in the answer.
        gap: Between the two best tokens there, by transformers, in nats; None where that answer had already ended.
    """

    prompt: int
    position: int
    gap: float | None


class Parity(Spec):
    """How one model's answers agree between the engines.

    Attributes:
        prompts: That both answered.
        divergences: One for each answer that differs.
        lacking: Answers that the tuning changed by transformers and not by the other engine.
    """

    prompts: Count
    divergences: tuple[Divergence, ...] = ()
    lacking: int = Field(default=0, ge=0)

    @property
    def differing(self) -> float:
        """Share of answers that differ."""
        return len(self.divergences) / self.prompts

    def write(self, folder: Path) -> None:
        """Put it beside the answers."""
        (folder / PARITY).write_text(self.model_dump_json(indent=1), encoding="utf-8")


def sample(prompts: int) -> list[int]:
    """The places of the prompts that both engines answer, in order."""
    return sorted(random.Random(SEED).sample(range(prompts), min(SAMPLE, prompts)))


def compare(
    places: Sequence[int], expected: Sequence[Trace], found: Sequence[Sequence[int]],
    expected_of_base: Sequence[Trace], found_of_base: Sequence[Sequence[int]],
) -> Parity:  # fmt: skip
    """Hold the answers of one model to those of transformers.

    Args:
        places: Of the prompts.
        expected: By transformers.
        found: By the other engine.
        expected_of_base: The base's own answers to them, by transformers; the same as `expected` for the base.
        found_of_base: By the other engine.
    """
    differing = [
        Divergence(prompt=place, position=position, gap=None if isinf(gap) else gap)
        for place, one, other in zip(places, expected, found, strict=True)
        if (position := first_difference(one.ids, other)) is not None
        for gap in [one.gaps[position] if position < len(one.gaps) else inf]
    ]
    changed = [one.ids != base.ids for one, base in zip(expected, expected_of_base, strict=True)]
    same = [list(one) == list(base) for one, base in zip(found, found_of_base, strict=True)]
    lacking = (
        sum(changed) if any(changed) and all(one for one, moved in zip(same, changed, strict=True) if moved) else 0
    )
    return Parity(prompts=len(places), divergences=tuple(differing), lacking=lacking)


def first_difference(one: Sequence[int], other: Sequence[int]) -> int | None:
    """The first place in which two answers differ, or in which one of them has ended; None where they are equal."""
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return position
    return None if len(one) == len(other) else min(len(one), len(other))


def check(name: str, parity: Parity, exact: bool, ceiling: float = CEILING) -> None:
    """Refuse an engine whose answers are those of another model.

    Args:
        name: Of the model, for the message.
        parity: Of its answers.
        exact: Whether weights are fp32, so that only near ties may turn.
        ceiling: Share of answers that may differ otherwise.

    Raises:
        UnservedError: Says where they differ.
    """
    if parity.lacking:
        raise UnservedError(
            f"tuning changes {parity.lacking} of {parity.prompts} answers of {name} by transformers, and none by vLLM: "
            "the adapter has no effect there"
        )
    unsure = UNSURE if exact else UNSURE_COARSE
    if sure := [one for one in parity.divergences if one.gap is None or one.gap > unsure]:
        first = sure[0]
        how = (
            "after the answer had ended" if first.gap is None else f"where the best token leads by {first.gap:.2g} nats"
        )
        raise UnservedError(
            f"{len(sure)} of {parity.prompts} answers of {name} differ between vLLM and transformers beyond rounding, "
            f"the first at token {first.position + 1}, {how}"
        )
    if not exact and parity.differing > ceiling:
        raise UnservedError(
            f"{parity.differing:.0%} of {parity.prompts} answers of {name} differ between vLLM and transformers, "
            f"more than {ceiling:.0%}"
        )
