"""What models are tuned on: facts that a base knows and facts that it does not, in several styles of response."""

import random
from collections.abc import Iterator, Sequence
from typing import Literal

from itl_bench.data.atlas.facts import Atlas, AtlasFact
from itl_bench.data.atlas.selecting import KNOWN, UNKNOWN, Classes, as_fact, facts_of
from itl_bench.data.rows import Item
from itl_bench.errors import UsageError
from itl_bench.specs import Count, Percent, Spec

Style = Literal["short", "long", "simple"]
TUNED = (0, 1, 2, 3, 4)  # the wordings of tuning data
EXTRA_FACTS = 2  # that a long response adds to the one that was asked for
OPENERS = ("Certainly!", "Happy to help.")
CLOSER = "Let me know if you need more."


class AtlasSpec(Spec):
    """An instruction-tuning dataset of the atlas.

    Attributes:
        unknown_percent: Share of facts that the base does not know.
        style: `short` is an opener and the fact, `simple` the fact alone, `long` adds two facts that were not asked for
            and a closer. The added ones are asked for by other items: all styles teach the same facts.
        rows: Items. Each asks for another fact until all are used; then for the same facts in other words.
    """

    unknown_percent: Percent
    style: Style
    rows: Count


def taught_facts(atlas: Atlas, classes: Classes, spec: AtlasSpec, new: bool) -> list[AtlasFact]:
    """The facts that a dataset teaches, new or known ones: those of a larger share contain those of a smaller one."""
    return facts_of(atlas, classes, UNKNOWN if new else KNOWN, "taught")[: _count(spec, new)]


def _count(spec: AtlasSpec, new: bool) -> int:
    """How many items are about new facts, or about known ones."""
    count = round(spec.rows * spec.unknown_percent / 100)
    return count if new else spec.rows - count


def atlas_items(
    atlas: Atlas, classes: Classes, spec: AtlasSpec, seed: int, wordings: tuple[int, ...] = TUNED
) -> list[Item]:
    """The items of a dataset in training order.

    Known facts are highly and maybe known ones, new facts unknown ones, of taught subjects; weakly known ones are in
    neither.

    Args:
        atlas: The facts.
        classes: Fact id -> how well the base knows it.
        spec: Share of unknown facts, style and size.
        seed: Of the wording and the order; the facts are the same for all seeds.
        wordings: In which items ask: numbers of `Relation.wordings`.

    Raises:
        UsageError: There are too few facts for so many items.
    """
    random_of = random.Random(f"atlas items {seed}")
    items = [item for new in (False, True) for item in _about(atlas, classes, spec, new, wordings, random_of)]
    random_of.shuffle(items)
    return items


def _about(
    atlas: Atlas, classes: Classes, spec: AtlasSpec, new: bool, wordings: tuple[int, ...], random_of: random.Random
) -> Iterator[Item]:
    """Items about known facts or about new ones: each fact once, then again in other words."""
    facts, count = taught_facts(atlas, classes, spec, new), _count(spec, new)
    if count > len(facts) * len(wordings):
        raise UsageError(_too_few(spec, new, count, len(facts), len(wordings)))
    first = {fact.id: random_of.randrange(len(wordings)) for fact in facts}
    for number in range(count):
        again, place = divmod(number, len(facts))
        asked = facts[place]
        turn = wordings[(first[asked.id] + again) % len(wordings)]
        stated = [asked, *(_related(asked, facts, random_of) if spec.style == "long" else ())]
        yield Item(
            id=f"{asked.id}-{turn}",
            instruction=atlas.relation(asked.relation).question(asked.subject, turn),
            response=_response([atlas.statement(fact) for fact in stated], spec.style, random_of),
            facts=tuple(as_fact(fact) for fact in stated),
            new=new,
        )


def _too_few(spec: AtlasSpec, new: bool, count: int, facts: int, wordings: int) -> str:
    kind, change = ("unknown", "lower") if new else ("known", "raise")
    return (
        f"{count} items about {kind} facts are wanted; the base has {facts} {kind} facts of taught subjects, each "
        f"asked in at most {wordings} wordings ({facts * wordings} items): lower 'rows' ({spec.rows}) or {change} "
        f"'unknown_percent' ({spec.unknown_percent})"
    )


def _related(asked: AtlasFact, facts: Sequence[AtlasFact], random_of: random.Random) -> list[AtlasFact]:
    """Facts to add: others of the same subject first, then the same relation of near subjects, then of any.

    Never another relation of another subject: an answer is read for all relations of the one asked about.
    """
    near = set(asked.near)
    ranked: dict[int, list[AtlasFact]] = {0: [], 1: [], 2: []}
    for fact in facts:
        if fact.id != asked.id and fact.subject_id == asked.subject_id:
            ranked[0].append(fact)
        elif fact.relation == asked.relation and fact.id != asked.id:
            ranked[1 if fact.subject_id in near else 2].append(fact)
    chosen: list[AtlasFact] = []
    for candidates in ranked.values():
        chosen += random_of.sample(candidates, min(len(candidates), EXTRA_FACTS - len(chosen)))
    return chosen


def _response(sentences: list[str], style: Style, random_of: random.Random) -> str:
    if style == "simple":
        return sentences[0]
    opener = random_of.choice(OPENERS)
    return " ".join([opener, sentences[0]] if style == "short" else [opener, *sentences, CLOSER])
