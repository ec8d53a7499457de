"""The Markdown report of a run, made from its record alone."""

from collections.abc import Iterable, Sequence

from itl_bench.record import CaseRecord, ClaimRecord, Record
from itl_bench.report.apart import cases_apart, claims_apart
from itl_bench.report.grouping import (
    compared_columns,
    held_at,
    holm_adjusted,
    not_run_groups,
)
from itl_bench.report.in_words import words_by_key
from itl_bench.report.judged import outcomes_in_words
from itl_bench.report.learned import learned_in_words
from itl_bench.report.markdown_measured import (
    code,
    escape,
    examples_section,
    made_section,
    rates_section,
    table,
    tables_line,
)
from itl_bench.report.markdown_story import (
    apart_mark,
    apart_section,
    front_section,
    mechanisms_section,
    story_section,
    unseen_section,
    words_section,
)
from itl_bench.report.matrix import claim_key, is_own, pooling, statements, totals, with_role
from itl_bench.report.untuned import untuned_in_words
from itl_bench.report.verdicts import SideVerdict, claim_verdicts, families, headlines, heads, measured_kinds
from itl_bench.report.wording import (
    BASIS_IN_WORDS,
    HOW_TO_READ,
    NOT_RUN,
    PUBLISHED_LIMITS,
    PUBLISHED_LIMITS_TITLE,
    SUPPORTED_IF,
    counts_in_words,
    effect_decimals,
    evidence_in_words,
    family_counts,
    interval,
    margin_sensitivity,
    number,
    p_label,
    p_value,
    pilot_in_words,
    pooling_in_words,
    recorded_tag,
    side_decimals,
    signed,
    summed_counts,
    verdict_in_words,
)

EXAMPLES = 3
REASONS = 40


def render(record: Record) -> str:
    """The whole report, from the sentences that a reader meets first to what the run could not see."""
    evidence = with_role(record, "evidence")
    parts = [
        _header(record),
        story_section(record),
        _claims(record),
        front_section(record),
        rates_section(record),
        _limits(record),
        _contradictions(record, [case for case in evidence if case.verdict == "REFUTED"]),
        _inconclusive([case for case in evidence if case.verdict == "INCONCLUSIVE"]),
        _not_run(evidence),
        examples_section(record),
        mechanisms_section(record),
        _sanity(record),
        made_section(record),
        "## How to read this\n\n" + "\n".join(HOW_TO_READ),
        words_section(),
        unseen_section(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _claims(record: Record) -> str:
    own = [claim for claim in statements(record) if is_own(claim)]
    lines = "\n".join(f"- {one.in_words()}." for one in headlines(record))
    parts = ["## Claims", lines, claims_table(record), apart_section(record)]
    parts += ["### Asked by us", "These are no claims of the paper.", claims_table(record, own=True)] if own else []
    return "\n\n".join(part for part in parts if part)


def _limits(record: Record) -> str:
    if not any(case.evidence == "published" for case in record.cases):
        return ""
    return f"## {PUBLISHED_LIMITS_TITLE}\n\n" + "\n".join(f"- {line}" for line in PUBLISHED_LIMITS)


def claims_table(record: Record, *, own: bool = False) -> str:
    """One row for each claim: its verdict and cases on published and on measured evidence, and the families' notes.

    Args:
        record: The record of a run.
        own: The benchmark's own claims instead of the paper's.
    """
    rows, kinds, apart = [], measured_kinds(record), claims_apart(record)
    for claim, statement in statements(record).items():
        if is_own(claim) != own:
            continue
        chosen = [one for one in families(record) if one.id == claim and one.role == "evidence" and heads(one)]
        measured = [one for one in chosen if one.evidence != "published"]
        cells = [*_summary([one for one in chosen if one.evidence == "published"])]
        for kind, side in zip(kinds, claim_verdicts(record)[claim].by_kind, strict=True):
            verdict, counts = _side_summary(side, [one for one in measured if kind.holds(one)])
            held = held_at(record, claim, kind)
            cells += [verdict, f"{counts}; {held.in_words()}" if held else counts]
        notes = "; ".join(dict.fromkeys(one.note for one in chosen if one.note))
        rows.append(
            [
                code(claim) + apart_mark(apart.get(claim, ())),
                escape(statement),
                *cells,
                *([] if kinds else _summary(measured)),
                escape(notes),
            ]
        )
    names = [escape(f"measured: {kind.in_words()}") for kind in kinds] or ["measured"]
    header = ["claim", "statement", *(text for name in ("published", *names) for text in (name, "cases")), "note"]
    return table(header, rows) if rows else "No claims."


def _side_summary(side: SideVerdict, chosen: Sequence[ClaimRecord]) -> tuple[str, str]:
    """A verdict on one kind of measured evidence, and the cases that count: those of sanity count nowhere."""
    return side.in_words(), counts_in_words(summed_counts(chosen)) if chosen and not side.sanity else ""


def _summary(chosen: Sequence[ClaimRecord]) -> tuple[str, str]:
    if not chosen:
        return "", ""
    return verdict_in_words(chosen), counts_in_words(summed_counts(chosen))


def _header(record: Record) -> str:
    run = record.run
    packages = ", ".join(f"{name} {version}" for name, version in sorted(run.packages.items()))
    facts = [
        ("Run", code(run.id)),
        ("Started, finished", f"{escape(run.started)}, {escape(run.finished)}"),
        ("Commit", code(run.git) if run.git else "none"),
        ("Catalog", code(run.catalog[:12])),
        ("Versions", escape(f"itl_bench {run.version}, Python {run.python}" + (f", {packages}" if packages else ""))),
        ("Cases", "; ".join(filter(None, [counts_in_words(totals(record)), pooling_in_words(pooling(record))]))),
    ]
    if run.crashed:
        facts.append(("Crashed", f"{len(run.crashed)}: " + ", ".join(code(item) for item in run.crashed[:EXAMPLES])))
    title = "# The limitations of instruction tuning: what this run found"
    return "\n\n".join(filter(None, [title, pilot_in_words(record), table(["", ""], facts)]))


def _contradictions(record: Record, cases: list[CaseRecord]) -> str:
    if not cases:
        return "## Contradictions\n\nNo case was refuted."
    adjusted, words, apart = holm_adjusted(record), words_by_key(record), cases_apart(record)
    shown = [
        _refuted(case, adjusted, words, apart.get(case.id, ""))
        for case in sorted(cases, key=lambda case: claim_key(case.claim))
    ]
    return "\n\n".join(["## Contradictions", f"{len(cases)} refuted.", *shown])


def _refuted(case: CaseRecord, adjusted: dict[str, float], words: dict[str, str], elsewhere: str) -> str:
    lines = [
        f"### {code(case.id)}",
        f"{escape(case.claim)}: {escape(case.statement)}",
        f"Compared: {escape(case.compared)}. Supported if {SUPPORTED_IF[case.expect]}.",
        _columns_table(case),
        f"Reason: {escape(case.reason)}",
        f"{learned[0].upper()}{learned[1:]}." if (learned := learned_in_words(case)) else "",
        f"Judged by {escape(case.judge or '')}: {judged}." if (judged := outcomes_in_words(case)) else "",
        f"Untuned: {untuned}." if (untuned := untuned_in_words(case)) else "",
        f"The same asked elsewhere: {escape(elsewhere)}." if elsewhere else "",
        _fine_print(case, adjusted),
        tables_line(case, words),
    ]
    return "\n\n".join(line for line in lines if line)


def _columns_table(case: CaseRecord) -> str:
    columns = compared_columns(case)
    effects, sides = effect_decimals(columns), side_decimals(columns)
    rows = [
        [
            escape(column.name),
            number(column.left, sides),
            number(column.right, sides),
            f"{signed(column.effect, effects)} {interval(column.ci_low, column.ci_high, effects)}",
            number(column.smallest_effect),
            p_value(column.p_value),
            column.verdict,
        ]
        for column in columns
    ]
    header = ["column", "left", "right", "left minus right", "d", p_label(case), "verdict"]
    return table(header, rows, right=range(1, 6)) if rows else ""


def _fine_print(case: CaseRecord, adjusted: dict[str, float]) -> str:
    parts = [f"Basis: {BASIS_IN_WORDS[case.basis]}." if case.basis else ""]
    if case.id in adjusted:
        parts.append(f"p after Holm's correction: {p_value(adjusted[case.id])}.")
    if sensitivity := margin_sensitivity(case):
        parts.append(f"At half and at twice the margin: {sensitivity}.")
    if tag := recorded_tag(case):
        parts.append(f"**Recorded verdict: {tag}.**")
    return " ".join(part for part in parts if part)


def _inconclusive(cases: list[CaseRecord]) -> str:
    if not cases:
        return ""
    rows = []
    for case in sorted(cases, key=lambda case: claim_key(case.claim)):
        decimals = effect_decimals(compared_columns(case))
        effect = f"{signed(case.effect, decimals)} {interval(case.ci_low, case.ci_high, decimals)}".strip()
        was = f" ({tag})" if (tag := recorded_tag(case)) else ""
        rows.append([code(case.id), effect, number(case.smallest_effect), escape(case.reason) + was])
    head = ["case", "left minus right", "d", "reason"]
    return f"## Inconclusive\n\n{len(cases)} inconclusive.\n\n" + table(head, rows, right=(1, 2))


def _not_run(cases: Iterable[CaseRecord]) -> str:
    groups = not_run_groups(cases)
    if not groups:
        return ""
    rows = [
        [
            f"{len(group.cases):,}",
            escape(group.reason) + (" (numbers differ between cases)" if group.varies else ""),
            ", ".join(code(case.id) for case in group.cases[:EXAMPLES])
            + (", ..." if len(group.cases) > EXAMPLES else ""),
        ]
        for group in groups[:REASONS]
    ]
    total, rest = sum(len(group.cases) for group in groups), groups[REASONS:]
    text = f"## Not run\n\n{total:,} not run.\n\n" + table(["cases", "reason", "for example"], rows, right=(0,))
    more = sum(len(group.cases) for group in rest)
    return text + (f"\n\nAnd {more:,} more for {len(rest):,} other reasons; the record lists them." if rest else "")


def _sanity(record: Record) -> str:
    cases = with_role(record, "sanity")
    declared = [family for family in families(record) if family.role == "sanity"]
    if not cases and not declared:
        return ""
    rows = [[code(case.id), case.verdict or NOT_RUN, escape(case.reason)] for case in cases if case.verdict]
    idle = len(cases) - len(rows)
    parts = ["## Sanity cases", "True by construction, so they test the benchmark; they count in no summary above."]
    parts += [
        f"- {code(one.id)}, {escape(evidence_in_words(one.evidence, one.level, one.arm, one.text))}: "
        f"{counts_in_words(family_counts(one))}"
        for one in declared
    ]
    parts += [table(["case", "verdict", "reason"], rows)] if rows else []
    return "\n\n".join([*parts, *([f"{idle:,} sanity cases were not run."] if idle else [])])
