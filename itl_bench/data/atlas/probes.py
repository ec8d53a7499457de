"""What models are asked about the atlas: facts of held-out subjects by class of familiarity, and what tuning taught."""

import hashlib
from collections.abc import Sequence
from typing import Literal, get_args

from itl_bench.data.atlas.facts import Atlas, AtlasFact
from itl_bench.data.atlas.items import TUNED, AtlasSpec, taught_facts
from itl_bench.data.atlas.selecting import KNOWN, UNKNOWN, Classes, Familiarity, as_fact, facts_of
from itl_bench.data.rows import Prompt
from itl_bench.errors import UsageError, unknown

Probe = Literal["atlas-known", "atlas-highly-known", "atlas-maybe-known", "atlas-taught", "atlas-unknown"]
HELD_OUT: dict[str, tuple[Familiarity, ...]] = {
    "atlas-known": KNOWN,
    "atlas-highly-known": ("highly-known",),
    "atlas-maybe-known": ("maybe-known",),
    "atlas-unknown": UNKNOWN,
}
PROMPTS = 420  # at most, of a probe: a few may have no value, and a verdict needs 400
ENOUGH = 400  # facts; of fewer, each is asked in both wordings
PROBED = (len(TUNED), len(TUNED) + 1)  # wordings


def atlas_prompts(atlas: Atlas, classes: Classes, probe: str, spec: AtlasSpec | None = None) -> list[Prompt]:
    """The prompts of a probe: the same for every method, rate and replicate of a base.

    A fixed draw that mixes all relations, one wording of each fact, or both where facts are few.

    Args:
        atlas: The facts.
        classes: Fact id -> how well the base knows it.
        probe: One of `Probe`.
        spec: For `atlas-taught`, the dataset whose new facts (or known ones, if it has no others) are asked for.

    Raises:
        UsageError: There is no such probe, it needs a dataset, or no fact is of its class.
    """
    if probe not in get_args(Probe):
        raise UsageError(unknown("probe", probe, get_args(Probe)))
    facts = (
        _taught(atlas, classes, spec)
        if probe == "atlas-taught"
        else facts_of(atlas, classes, HELD_OUT[probe], "held-out")
    )
    if not facts:
        raise UsageError(
            f"{probe} has nothing to ask: the base has no facts of this class; choose another probe or base"
        )
    names = {fact.subject_id: fact.subject for fact in atlas.facts}
    return [_prompt(atlas, fact, turn, names) for fact, turn in _asked(facts)]


def _taught(atlas: Atlas, classes: Classes, spec: AtlasSpec | None) -> list[AtlasFact]:
    """The new facts of a dataset, or its known ones where it has no others."""
    if spec is None:
        raise UsageError("the probe atlas-taught asks for the facts of a dataset; name one of atlas")
    return taught_facts(atlas, classes, spec, new=spec.unknown_percent > 0)


def _asked(facts: Sequence[AtlasFact]) -> list[tuple[AtlasFact, int]]:
    """Facts and which of the two wordings asks for them."""
    once = [(fact, hashlib.sha256(f"turn {fact.id}".encode()).digest()[0] % 2) for fact in facts]
    if len(facts) >= ENOUGH:
        return once[:PROMPTS]
    return (once + [(fact, 1 - turn) for fact, turn in once])[:PROMPTS]


def _prompt(atlas: Atlas, fact: AtlasFact, turn: int, names: dict[str, str]) -> Prompt:
    relation, asked, other = atlas.relation(fact.relation), PROBED[turn], PROBED[1 - turn]
    return Prompt(
        id=f"{fact.id}-{asked}",
        unit=fact.subject_id,
        instruction=relation.question(fact.subject, asked),
        paraphrase=relation.question(fact.subject, other),
        fact=as_fact(fact),
        truths={one.relation: one.value for one in atlas.of(fact.subject_id)},
        similar=tuple(names[one] for one in fact.near),
    )
