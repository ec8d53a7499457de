"""What models are tuned on: facts that a base knows and facts that it does not, in several styles of response."""

import random
from collections.abc import Iterator, Sequence
from typing import Literal

from itl_bench.data.atlas.facts import Atlas, AtlasFact
from itl_bench.data.atlas.selecting import KNOWN, UNKNOWN, Classes, as_fact, draw
from itl_bench.data.rows import Item
from itl_bench.errors import UnsuitableBaseError
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
        style: `short` is an opener and the fact, `simple` the fact alone, `long` adds two facts of the same relation
            that were not asked for, and a closer. All styles teach the same facts; `long` states each three times.
        rows: Items. Each asks for another fact until all are used; then for the same facts in other words.
    """

    unknown_percent: Percent
    style: Style
    rows: Count


def taught_facts(atlas: Atlas, classes: Classes, spec: AtlasSpec, new: bool, seed: int) -> list[AtlasFact]:
    """The facts that a dataset teaches, new or known ones: a random draw, in the same mix of relations for both.

    With one seed, the facts of a larger share contain those of a smaller one.
    """
    return draw(atlas, classes, UNKNOWN if new else KNOWN, "taught", f"taught {seed}")[: _count(spec, new)]


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
        seed: Of the draw of the facts, their wording and order.
        wordings: In which items ask: numbers of `Relation.wordings`.

    Raises:
        UnsuitableBaseError: There are too few facts for so many items.
    """
    random_of = random.Random(f"atlas items {seed}")
    items = [
        item
        for new in (False, True)
        for item in _about(atlas, taught_facts(atlas, classes, spec, new, seed), spec, new, wordings, random_of)
    ]
    random_of.shuffle(items)
    return items


def _about(
    atlas: Atlas,
    facts: Sequence[AtlasFact],
    spec: AtlasSpec,
    new: bool,
    wordings: tuple[int, ...],
    random_of: random.Random,
) -> Iterator[Item]:
    """Items about known facts or about new ones: each fact once, then again in other words."""
    count = _count(spec, new)
    if count > len(facts) * len(wordings):
        raise UnsuitableBaseError(_too_few(spec, new, count, len(facts), len(wordings)))
    first = {fact.id: random_of.randrange(len(wordings)) for fact in facts}
    for number in range(count):
        again, place = divmod(number, len(facts))
        asked = facts[place]
        turn = wordings[(first[asked.id] + again) % len(wordings)]
        stated = [asked, *(_added(asked, facts) if spec.style == "long" else ())]
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
        f"{count} items about {kind} facts are wanted; {facts} {kind} facts of taught subjects can be drawn in the mix "
        f"of relations that known and unknown facts share, each asked in at most {wordings} wordings "
        f"({facts * wordings} items): lower 'rows' ({spec.rows}) or {change} 'unknown_percent' ({spec.unknown_percent})"
    )


def _added(asked: AtlasFact, facts: Sequence[AtlasFact]) -> list[AtlasFact]:
    """The facts to add: the next ones of the same relation, in a circle, so that all are stated equally often.

    Never another relation of another subject: an answer is read for all relations of the one asked about.
    """
    circle = [fact for fact in facts if fact.relation == asked.relation]
    place = circle.index(asked)
    return [circle[(place + step) % len(circle)] for step in range(1, min(EXTRA_FACTS + 1, len(circle)))]


def _response(sentences: list[str], style: Style, random_of: random.Random) -> str:
    if style == "simple":
        return sentences[0]
    opener = random_of.choice(OPENERS)
    return " ".join([opener, sentences[0]] if style == "short" else [opener, *sentences, CLOSER])
