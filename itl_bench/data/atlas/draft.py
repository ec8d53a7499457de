"""The atlas while it is made: facts, values, and what each rule removed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from itl_bench.data.atlas.facts import AtlasFact
from itl_bench.data.atlas.normalising import is_code, normalise, words
from itl_bench.data.atlas.relations import RELATIONS

KINDS = {relation.id: relation.kind for relation in RELATIONS}
Values = dict[str, tuple[str, ...]]  # canonical value -> its other names


@dataclass
class Draft:
    """What the makers fill: facts, all values of each relation, and how many candidates each rule removed."""

    facts: list[AtlasFact] = field(default_factory=list)
    values: dict[str, Values] = field(default_factory=dict)
    removed: dict[str, Counter[str]] = field(default_factory=dict)

    def remove(self, relation: str, rule: str) -> None:
        """Count a candidate that a rule leaves out."""
        self.removed.setdefault(relation, Counter())[rule] += 1

    def add(
        self, relation: str, subject_id: str, subject: str, answers: Iterable[str], near: tuple[str, ...] = ()
    ) -> None:
        """Add a fact, unless the subject's own name tells a value of the relation."""
        accepted = tuple(dict.fromkeys(answers))
        if KINDS[relation] in ("name", "unit") and tells(subject, accepted, self.values[relation]):
            return self.remove(relation, "the name tells a value")
        key = subject_id.partition("/")[2]
        fact = AtlasFact(
            id=f"{relation}/{key}",
            relation=relation,
            subject=subject,
            subject_id=subject_id,
            answers=accepted,
            near=near,
        )
        return self.facts.append(fact)


def tells(subject: str, answers: Iterable[str], values: Values) -> bool:
    """Whether a subject's name shares a word with its answer or contains any value of the relation."""
    own = words(subject)
    if set(own) & {word for answer in answers for word in words(answer) if len(word) > 3}:
        return True
    within = f" {' '.join(own)} "
    names = {normalise(name) for value, others in values.items() for name in (value, *others) if not is_code(name)}
    return any(f" {name} " in within for name in names)
