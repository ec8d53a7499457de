"""One published cell against another: the paper prints no spread, so it is taken from elsewhere and named."""

from collections.abc import Mapping
from statistics import stdev

from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.matching import Pair, dataset_id
from itl_bench.catalog.loading import Catalog
from itl_bench.catalog.published import DOUBTFUL, DUPLICATE
from itl_bench.specs import JudgeSpec
from itl_bench.verdicts.finding import Column, Finding, with_margins
from itl_bench.verdicts.stats.estimate import BoundedEstimate, difference_of_means
from itl_bench.verdicts.stats.rule import judge
from itl_bench.vocabulary import Verdict


def single_pair(case: Case, catalog: Catalog) -> Finding:
    """A single pair of published means: the only spread is that of the judge, taken from elsewhere."""
    (pair,) = case.pairs
    if pair.doubtful:
        return Finding("point", {}, undecided=_doubt(case, pair))
    if pair.left.bounds:
        note = "the interval holds the rounding of the figure alone, no sampling spread is published"
        return Finding("point", {name: _read_off(pair, name) for name in case.columns}, note=note)
    spread, freedom = judge_spread(catalog)
    columns = _judged(case, pair, spread, freedom, catalog)
    notes = [
        f"differences beyond the judge's spread: {', '.join(_beyond_spread(columns)) or 'none'}",
        f"approximate interval of one run each: {spread:.2f} points per answer, {_judge(catalog).spread_source}",
        _steadiness(case, pair, freedom, catalog),
    ]
    if pair.right.method == "best":
        notes.append("right is the best of all tunings, column by column, which favours it")
    return Finding("point", columns, note="; ".join(notes), n_prompts=catalog.probes[pair.left.probe].prompts)


def _read_off(pair: Pair, name: str) -> Column:
    left, right = pair.left.values[name], pair.right.values[name]
    (left_low, left_high), (right_low, right_high) = pair.left.bounds[name], pair.right.bounds[name]
    return Column(BoundedEstimate(left - right, left_low - right_high, left_high - right_low, 1), left, right)


def _judged(case: Case, pair: Pair, spread: float, freedom: int, catalog: Catalog) -> dict[str, Column]:
    probe = catalog.probes[pair.left.probe]
    columns = {}
    for name in case.columns:
        left, right, answers = pair.left.values[name], pair.right.values[name], probe.groups.get(name, probe.prompts)
        columns[name] = Column(difference_of_means(left, right, spread, answers, freedom), left, right)
    return columns


def _judge(catalog: Catalog) -> JudgeSpec:
    """The paper's judge: the first that the catalog declares."""
    return next(iter(catalog.judges.values()))


def judge_spread(catalog: Catalog) -> tuple[float, int]:
    """Standard deviation of one answer's score, and its degrees of freedom.

    The source's answers are good ones, and aspects near the top of the scale hardly vary there (clarity not at all).
    The largest deviation among the aspects stands for all of them.
    """
    deviations = {aspect: stdev(scores) for aspect, scores in catalog.tables.judge_scores.items()}
    widest = max(deviations, key=deviations.__getitem__)
    return deviations[widest], len(catalog.tables.judge_scores[widest]) - 1


def _steadiness(case: Case, pair: Pair, freedom: int, catalog: Catalog) -> str:
    """Up to which spread per answer the verdict stays the same: the source's answers may vary less than these.

    No score on a scale from 1 to 5 has a standard deviation above 2.
    """
    spreads = [judge_spread(catalog)[0], *(tenth / 10 for tenth in range(1, 21))]
    spreads = [spread for spread in spreads if spread >= spreads[0]]

    def verdict(spread: float) -> Verdict:
        columns = _judged(case, pair, spread, freedom, catalog)
        return judge(case.claim.expect, with_margins(case, columns)).verdict

    verdicts = [verdict(spread) for spread in spreads]
    if verdicts[0] == "INCONCLUSIVE":
        return "a larger spread would leave it so"
    steady = [spread for spread, found in zip(spreads, verdicts, strict=True) if found == verdicts[0]]
    if len(steady) == len(spreads):
        return "would hold at any spread of the judge's scores"
    return f"would hold up to a spread of {steady[-1]:.1f}"


def _beyond_spread(columns: Mapping[str, Column]) -> list[str]:
    """Which differences exceed the approximate interval around zero."""
    beyond = []
    for name, column in columns.items():
        low, high = column.estimate.interval(0.95)
        if abs(column.estimate.effect) > (high - low) / 2:
            beyond.append(name)
    return beyond


def _doubt(case: Case, pair: Pair) -> str:
    words = {DUPLICATE: ", a copy of another row digit for digit", DOUBTFUL: ", under a label that cannot be right"}
    texts = []
    for row in pair:
        values = "/".join(f"{row.values[name]:.2f}" for name in case.columns)
        texts.append(f"{row.method} on {dataset_id(row)} {values}{words.get(row.flag, '')}")
    return f"no evidence: {' against '.join(texts)}"
