"""What models are asked about the atlas: facts of held-out subjects by class of familiarity, and what tuning taught."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from itl_bench.data.atlas.facts import Atlas, AtlasFact
from itl_bench.data.atlas.items import TUNED, AtlasSpec, taught_facts
from itl_bench.data.atlas.selecting import KNOWN, UNKNOWN, Classes, Familiarity, as_fact, draw, pool
from itl_bench.data.rows import Candidate, Prompt
from itl_bench.errors import UnsuitableBaseError, UsageError, unknown

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


def atlas_prompts(
    atlas: Atlas, classes: Classes, probe: str, spec: AtlasSpec | None = None, seed: int | None = None
) -> list[Prompt]:
    """The prompts of a probe: the same for every method, rate and replicate of a base, but for `atlas-taught`.

    A fixed draw in the mix of relations of what is taught, one wording of each fact, or both where facts are few.
    Prompts with the same answer are one unit: a model that leans to an answer leans to it everywhere.

    Args:
        atlas: The facts.
        classes: Fact id -> how well the base knows it.
        probe: One of `Probe`.
        spec: For `atlas-taught`, the dataset whose new facts (or known ones, if it has no others) are asked for.
        seed: For `atlas-taught`, that of the dataset's items.

    Raises:
        UsageError: There is no such probe, or it needs a dataset.
        UnsuitableBaseError: No fact is of its class.
    """
    if probe not in get_args(Probe):
        raise UsageError(unknown("probe", probe, get_args(Probe)))
    facts = (
        _taught(atlas, classes, spec, seed)
        if probe == "atlas-taught"
        else draw(atlas, classes, HELD_OUT[probe], "held-out", probe)
    )
    if not facts:
        raise UnsuitableBaseError(
            f"{probe} has nothing to ask: the base has no facts of this class in a relation that has both known and "
            "unknown ones; choose another probe or base"
        )
    candidates = _candidates(atlas, classes)
    return [_prompt(atlas, fact, turn, candidates) for fact, turn in _asked(facts)]


def _taught(atlas: Atlas, classes: Classes, spec: AtlasSpec | None, seed: int | None) -> list[AtlasFact]:
    """The new facts of a dataset, or its known ones where it has no others."""
    if spec is None or seed is None:
        raise UsageError("the probe atlas-taught asks for the facts of a dataset; name one of atlas, and its seed")
    return taught_facts(atlas, classes, spec, spec.unknown_percent > 0, seed)


def _candidates(atlas: Atlas, classes: Classes) -> dict[tuple[str, str], Candidate]:
    """Subject id and relation -> what a draw of taught facts may hold of the subject."""
    return {
        (fact.subject_id, fact.relation): Candidate(subject=fact.subject, value=fact.value, group=group)
        for group, wanted in (("known", KNOWN), ("unknown", UNKNOWN))
        for fact in pool(atlas, classes, wanted, "taught")
    }


def _asked(facts: Sequence[AtlasFact]) -> list[tuple[AtlasFact, int]]:
    """Facts and which of the two wordings asks for them."""
    once = [(fact, hashlib.sha256(f"turn {fact.id}".encode()).digest()[0] % 2) for fact in facts]
    if len(facts) >= ENOUGH:
        return once[:PROMPTS]
    return (once + [(fact, 1 - turn) for fact, turn in once])[:PROMPTS]


def _prompt(atlas: Atlas, fact: AtlasFact, turn: int, candidates: Mapping[tuple[str, str], Candidate]) -> Prompt:
    relation, asked, other = atlas.relation(fact.relation), PROBED[turn], PROBED[1 - turn]
    near = [candidates[one, fact.relation] for one in fact.near if (one, fact.relation) in candidates]
    return Prompt(
        id=f"{fact.id}-{asked}",
        unit=f"{fact.relation}/{fact.value}",
        instruction=relation.question(fact.subject, asked),
        paraphrase=relation.question(fact.subject, other),
        fact=as_fact(fact),
        truths={one.relation: one.value for one in atlas.of(fact.subject_id)},
        similar=tuple(one.subject for one in near),
        candidates=tuple(near),
    )
