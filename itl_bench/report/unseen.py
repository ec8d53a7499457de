"""What a run could not see: the end of every report, made from the record alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from itl_bench.record import CaseRecord, Record
from itl_bench.report.grouping import not_run_groups
from itl_bench.report.matrix import claim_key, natural_key, statements, with_role
from itl_bench.report.wording import LEVEL_IN_WORDS, PILOT, pilot_in_words, why_undecided
from itl_bench.vocabulary import ARMS, LEVELS

TITLE = "What this run could not see"
REASONS = 5  # of cases that were not run; the section on claims has all
# How a reason begins that no numbers of the case could have changed -> what it means.
BLOCKED = {
    "no room": "no room: the reference side is so near a bound that one verdict was out of reach",
    "no match at equal": "no match: the two sides never came to share a training loss, or a share of facts learned",
    "hardly anything was learned": "no match worth reading: where both learned as much, hardly anything was learned",
    "edge of sweep": "edge of sweep: a method's best rate is the lowest or the highest that was tried",
    "not trained": "not trained: the training loss hardly fell",
    "diverged": "diverged: a training ended in numbers that are none",
    "pilot": "pilot: too few updates, or a run declared as a pilot",
    "replicate variance poorly known": "too few replicates for a verdict",
    "base variance poorly known": "too few bases for a verdict",
    "too few prompts": "too few prompts for a verdict",
}


def could_not_see(record: Record) -> tuple[str, ...]:
    """One line for each thing; what the run saw is not mentioned.

    The lines go from the widest limit (what was measured at all) to single cases.
    """
    writers: Sequence[Callable[[Record], Iterable[str]]] = (
        _world, _pilot, _ranks, _arms, _not_measured, _not_run, _blocked, _undecided, _learning, _single_runs, _crashed,
    )  # fmt: skip
    return tuple(line for write in writers for line in write(record))


def _measured(record: Record) -> list[CaseRecord]:
    """Measured cases with a verdict, sanity left out."""
    return [one for one in with_role(record, "evidence") if one.evidence == "measured" and one.verdict]


def _world(record: Record) -> Iterable[str]:
    measured = _measured(record)
    if not measured:
        yield "Any model: nothing was measured, the verdicts are on published numbers alone."
        return
    levels = [level for level in LEVELS if any(one.level == level for one in measured)]
    models = sorted({one.model for one in measured}, key=natural_key)
    if "paper" not in levels:
        seen = " and ".join(LEVEL_IN_WORDS[level] for level in levels)
        yield (
            f"Models of the paper's size: everything measured is of {seen} ({', '.join(models)}); "
            "whether it holds of larger models and real text is not seen."
        )
    elif len(models) == 1:
        yield f"Other models: everything measured is of one ({models[0]})."


def _pilot(record: Record) -> Iterable[str]:
    if pilot_in_words(record):
        yield PILOT
        return
    if pilots := [one for one in _measured(record) if one.pilot]:
        yield f"Verdicts of pilots: {_many(pilots)} with numbers of cells too few or too short. {_of(pilots)}"


def _ranks(record: Record) -> Iterable[str]:
    """LoRA trains another share of a small model than of a large one: the rank alone does not say which."""
    found: dict[str, set[str]] = {}
    for cell in record.cells or ():
        if "rank" in cell.parameters:
            found.setdefault(cell.model, set()).add(f"{cell.parameters['rank']}")
    for model, ranks in found.items():
        listed = ", ".join(sorted(ranks, key=natural_key))
        yield (
            f"Other shares of trained weights: on {model} LoRA has rank {listed}. The same rank trains a larger share "
            "of a small model than of a large one, so LoRA may be nearer to full tuning here than in the paper."
        )


def _arms(record: Record) -> Iterable[str]:
    """Claims that were measured and not in this arm; an arm that no claim was asked in is named alone."""
    asked = {arm: {one.claim for one in _measured(record) if one.arm == arm} for arm in ARMS}
    measured = set().union(*asked.values())
    for arm in ARMS if measured else ():
        missing = sorted(measured - asked[arm], key=claim_key)
        if not asked[arm]:
            yield f"The arm {arm}: no claim has a verdict in it."
        elif missing:
            yield f"The arm {arm} for {len(missing)} of {len(measured)} measured claims: {', '.join(missing)}."


def _not_measured(record: Record) -> Iterable[str]:
    """Claims of which a run that measured something has words of the paper alone."""
    measured = {one.claim for one in _measured(record)}
    sanity = {one.claim for one in with_role(record, "sanity") if one.verdict}
    missing = [claim for claim in statements(record) if claim not in measured | sanity]
    if measured and missing:
        yield f"{len(missing)} claims that no measured case judges: {', '.join(missing)}."


def _not_run(record: Record) -> Iterable[str]:
    groups = not_run_groups(with_role(record, "evidence"))
    if not groups:
        return
    cases, rest = [case for one in groups for case in one.cases], groups[REASONS:]
    parts = [f"{len(one.cases):,} ({one.reason.removeprefix('not run: ')})" for one in groups[:REASONS]]
    more = [f"{sum(len(one.cases) for one in rest):,} for {len(rest):,} other reasons"] if rest else []
    yield f"{_many(cases)} not run: {'; '.join([*parts, *more])}."


def _blocked(record: Record) -> Iterable[str]:
    cases = [one for one in _measured(record) if one.verdict == "INCONCLUSIVE" and not one.pilot]
    for start, words in BLOCKED.items():
        if found := [one for one in cases if _begins(one, start)]:
            yield f"{_many(found)} without a verdict, {words}. {_of(found)}"


def _undecided(record: Record) -> Iterable[str]:
    cases = [one for one in _measured(record) if one.verdict == "INCONCLUSIVE" and not one.pilot]
    rest = [one for one in cases if not any(_begins(one, start) for start in BLOCKED)]
    if wide := [one for one in rest if not why_undecided(one)]:
        yield f"On which side of the margin: {_many(wide)} with an interval too wide for a verdict. {_of(wide)}"
    if others := [one for one in rest if why_undecided(one)]:
        yield f"{_many(others)} without a verdict for another reason, which stands with the case. {_of(others)}"


def _learning(record: Record) -> Iterable[str]:
    pairs = [one for one in _measured(record) if one.arm in ("shared-rate", "fair")]
    if unknown := [one for one in pairs if one.learning and one.learning.mark == "unknown"]:
        yield f"Whether both sides of {_many(unknown)} learned as much: the interval straddles. {_of(unknown)}"
    unmarked = [one for one in pairs if one.learning is None and _learned(one)]
    if unmarked and not any(one.learning for one in pairs):  # where some have a mark, the others do not ask for it
        yield f"Whether both sides of {_many(unmarked)} learned as much: shares without an interval. {_of(unmarked)}"


def _single_runs(record: Record) -> Iterable[str]:
    cases = [one for one in with_role(record, "evidence") if one.basis == "point"]
    if found := [one for one in cases if one.verdict in ("SUPPORTED", "REFUTED")]:
        yield f"How far other trainings would have come out otherwise in {_many(found)}: one run a side. {_of(found)}"


def _crashed(record: Record) -> Iterable[str]:
    if many := len(record.run.crashed):
        yield f"{many:,} case{'s' * (many != 1)} that crashed: an error is no verdict."


def _begins(case: CaseRecord, start: str) -> bool:
    return any(part.startswith(start) for part in case.reason.split("; "))


def _learned(case: CaseRecord) -> bool:
    return any(None not in (one.learned_left, one.learned_right) for one in case.points or ())


def _many(cases: Sequence[CaseRecord]) -> str:
    return f"{len(cases):,} case{'s' * (len(cases) != 1)}"


def _of(cases: Iterable[CaseRecord]) -> str:
    """Of which claims, with how many each."""
    many = Counter(one.claim for one in cases)
    named = (claim if many[claim] == 1 else f"{claim} ({many[claim]})" for claim in sorted(many, key=claim_key))
    return f"Of {', '.join(named)}."
