"""Numbers and fixed phrases as both reports write them."""

from collections.abc import Container, Iterable
from math import exp, floor, log10

from itl_bench.record import CaseRecord, ClaimRecord, ColumnRecord, Record
from itl_bench.report.matrix import Counts, FamilyCounts
from itl_bench.vocabulary import Arm, Basis, Evidence, Expectation, Level, ReadOn

NOT_RUN = "not run"
NOT_ASKED = "not asked"  # the run's profile declares no case of this kind
INCOMPLETE = "incomplete"
DIFFER = "differ"
ON_TEXT: dict[ReadOn, str] = {"own": "on its own answers", "common": "on the base's answers"}
WITHIN_A_RUN = "within a run"  # where equal learning was looked for
LOG_COLUMN = "log_"
LARGEST_LOG = 50.0  # a ratio beyond e to this power is a number that nobody can read

BASIS_IN_WORDS: dict[Basis, str] = {
    "interval": "decided by where the interval lies against the margin",
    "point": "one comparison of published numbers; its approximate interval holds only the spread named in the reason",
    "text": "decided by what the paper states in words: there are no numbers to compute with",
    "scripted": "no evidence: the scores are planted, to see whether a known difference is found",
}

SUPPORTED_IF: dict[Expectation, str] = {
    "greater": "the interval lies above +d",
    "at-least": "the interval lies above −d",
    "no-gain": "the interval lies below +d",
    "no-change": "the interval lies inside −d to +d",
    "rising": "the interval of the slope lies above +d",
    "falling": "the interval of the slope lies below −d",
}

LEVEL_IN_WORDS: dict[Level, str] = {
    "published": "the paper's own tables",
    "bios": "tiny models in a closed world of invented people",
    "small": "a small real model",
    "paper": "models of the paper's size",
}

HOW_TO_READ = (
    "A case is a claim at one grid point (model, dataset, method, probe) with one kind of evidence.",
    "Its effect is left minus right, all else equal, with a 95% interval (90% for no-change).",
    "With d the smallest effect of interest, the verdict is SUPPORTED where the whole interval lies on the claim's",
    "side of the margin, REFUTED where it lies wholly on the other side, and INCONCLUSIVE otherwise: the data cannot",
    "tell, which is not evidence of no effect. With several columns, a claim needs all of them.",
    "REFUTED means that the effect is on the wrong side of the margin, for example not better by 0.1, which need not",
    "mean worse.",
    "Cases that were not run say nothing about the claim.",
    "A family's verdict is over all cases that the catalog declares for it, after Holm's correction; while members are",
    "not judged (not selected, or not run) and none of the others refutes it, it is incomplete.",
    "A verdict marked (point) rests on comparisons of single runs, whose p knows no spread between training runs.",
    "Claims named C are the paper's; all others are our own questions.",
    "Sanity cases are true by construction; they test the benchmark and count in no summary.",
)

PUBLISHED_LIMITS_TITLE = "What the published audit cannot tell"
PUBLISHED_LIMITS = (
    "Method from learning rate: both methods were tuned at one rate (5e-5), so the two cannot be told apart.",
    "Chance between runs: most single comparisons are one training run each, and their interval (basis point) holds "
    "the judge's spread, taken from another model's answers, or rounding only.",
    "What copied rows would say: rows that copy other rows are left out.",
    "Which table is right: Tables 16 and 17 do not always agree with Table 13 (NEFTune is better on all seven tasks "
    "and worse on four of five aspects), and task tags overlap.",
    "What is only stated: words, and figures without a comparison, are INCONCLUSIVE.",
)


PILOT = "A pilot: its measured cases show numbers and give no verdict."


def pilot_in_words(record: Record) -> str:
    """That a run is a pilot; nothing where any measured case may give a verdict."""
    with_verdict = [case for case in record.cases if case.evidence == "measured" and case.verdict]
    return PILOT if with_verdict and all(case.pilot for case in with_verdict) else ""


def decimals_for(values: Iterable[float | None]) -> int:
    """How many decimals show the largest of `values` with two digits (at least two decimals)."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    if largest == 0.0:
        return 2
    return min(max(1 - floor(log10(largest)), 2), 6)


def number(value: float | None, decimals: int | None = None) -> str:
    """A number for a reader; nothing is an empty string, tiny values get an exponent."""
    if value is None:
        return ""
    if decimals is None or abs(value) >= 1e7 or 0 < abs(value) < 1e-6:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.3g}"
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def signed(value: float | None, decimals: int | None = None) -> str:
    """A difference, with its sign."""
    text = number(value, decimals)
    return f"+{text}" if value is not None and value > 0 else text


def interval(low: float | None, high: float | None, decimals: int | None = None) -> str:
    """An interval in brackets, or nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def p_value(value: float | None) -> str:
    """A p value with three decimals, or "<0.001"."""
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def effect_decimals(columns: Iterable[ColumnRecord]) -> int:
    """Decimals that suit the effects and intervals of a case's columns."""
    return decimals_for(value for column in columns for value in (column.effect, column.ci_low, column.ci_high))


def side_decimals(columns: Iterable[ColumnRecord]) -> int:
    """Decimals that suit the two sides of a case's columns."""
    return decimals_for(value for column in columns for value in (column.left, column.right))


def counts_in_words(counts: Counts) -> str:
    """For example "3 supported, 1 refuted, 2 not run"; what is zero is left out."""
    named = [(verdict.lower(), many) for verdict, many in counts.by_verdict()] + [(counts.idle, counts.not_run)]
    return ", ".join(f"{many:,} {name}" for name, many in named if many) or "no cases"


def family_counts(family: ClaimRecord) -> FamilyCounts:
    """A family's counts, its missing members as not judged."""
    return FamilyCounts(family.supported, family.refuted, family.inconclusive, family.missing)


def summed_counts(chosen: Iterable[ClaimRecord]) -> FamilyCounts:
    """The counts of several families together."""
    counts = [family_counts(family) for family in chosen]
    return FamilyCounts(
        sum(one.supported for one in counts),
        sum(one.refuted for one in counts),
        sum(one.inconclusive for one in counts),
        sum(one.not_run for one in counts),
    )


def verdict_in_words(chosen: Iterable[ClaimRecord], *, with_basis: bool = True) -> str:
    """The verdict of several families, "differ" where they do not agree.

    Without a verdict it is "incomplete" if some of their members have a verdict, and "not run" if none was.

    Args:
        chosen: The families.
        with_basis: Append "(point)" to a verdict that rests on comparisons of single runs.
    """
    declared = tuple(chosen)
    verdicts = {family.verdict for family in declared if family.verdict is not None}
    if not verdicts:
        return INCOMPLETE if any(family.missing < family.members for family in declared) else NOT_RUN
    if len(verdicts) > 1:
        return DIFFER
    return f"{verdicts.pop()}{' (point)' if with_basis and on_single_runs(declared) else ''}"


def on_single_runs(chosen: Iterable[ClaimRecord]) -> bool:
    """Whether the families' directional verdicts all rest on comparisons of single runs."""
    bases = [family.basis for family in chosen if family.verdict in ("SUPPORTED", "REFUTED")]
    return bool(bases) and set(bases) == {"point"}


def evidence_in_words(evidence: Evidence, level: Level, arm: Arm | None = None, text: ReadOn | None = None) -> str:
    """For example "published", "measured, bios, fair", or "measured, bios, fair, on the base's answers"."""
    parts = [evidence] if evidence == level else [evidence, level]
    return ", ".join([*parts, *([arm] if arm else []), *([ON_TEXT[text]] if text else [])])


def holm_range(family: ClaimRecord, shown: Container[str]) -> str:
    """The adjusted p of a family's cases that are `shown`: one value, or the smallest and the largest."""
    values = [p for case, p in family.holm.items() if case in shown]
    if not values:
        return ""
    low, high = p_value(min(values)), p_value(max(values))
    return low if low == high else f"{low} to {high}"


def p_label(case: CaseRecord) -> str:
    """What a case's p is called: that of single runs knows no spread between runs, and must say so."""
    if case.basis != "point":
        return "p"
    return "p (judge noise only)" if case.judge else "p (within one run only)"


def ratio_in_words(column: ColumnRecord) -> str:
    """What the effect on a logarithm means, for example "4.7 times [3.3, 6.6]"; nothing for other columns."""
    values = (column.effect, column.ci_low, column.ci_high)
    if not column.name.startswith(LOG_COLUMN) or max(map(abs, values)) > LARGEST_LOG:
        return ""
    effect, low, high = (number(float(f"{exp(value):.2g}")) for value in values)
    return f"{effect} times [{low}, {high}]"


def recorded_tag(case: CaseRecord) -> str:
    """For example "drift, was SUPPORTED" where the verdict is not the recorded one; nothing where it is."""
    if case.verdict is None or case.recorded_verdict is None:
        return ""
    if case.recorded_status in ("drift", "changed"):
        return f"{case.recorded_status}, was {case.recorded_verdict}"
    return ""


def pooling_in_words(many: int) -> str:
    """What the totals hold that no claim counts; nothing where there is none."""
    if not many:
        return ""
    verbs = ("pools", "counts") if many == 1 else ("pool", "count")
    return f"{many:,} of them {verbs[0]} all models and {verbs[1]} in no claim"


def why_undecided(case: CaseRecord) -> str:
    """Why a case has no verdict, or is INCONCLUSIVE for another reason than where its interval lies; else nothing."""
    first = case.reason.split("; ")[0].rstrip(".")
    if case.verdict is None:
        return first.removeprefix(f"{NOT_RUN}: ")
    by_interval = case.effect is not None and first.startswith(f"{case.deciding_column}: ")
    return "" if case.verdict != "INCONCLUSIVE" or by_interval else first


def margin_sensitivity(case: CaseRecord) -> str:
    """What the verdict would be at half and at twice the margin; nothing where there is no margin."""
    if case.verdict_at_half_margin is None or case.verdict_at_twice_margin is None:
        return ""
    if {case.verdict_at_half_margin, case.verdict_at_twice_margin} == {case.verdict}:
        return "the same verdict"
    return f"{case.verdict_at_half_margin}, {case.verdict_at_twice_margin}"


def printable(text: str) -> str:
    """Foreign text on one line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


HOW_EXAMPLES = (
    "Chosen by a rule, not at random: of each method, among its first answers, two right ones, two with a borrowed "
    "value and two wrong in another way, where there are so many. Their numbers say nothing about rates."
)
HOW_SHIFTED = (
    "A token is unshifted where the base would choose it too (rank 1), marginal at rank 2 or 3, shifted beyond."
)
