"""The HTML report of a run: one page that needs no network, made from the record alone."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from itl_bench.record import CaseRecord, ColumnRecord, Record
from itl_bench.report import answers, curves, forest, front_plot, learned, made, parity, wording
from itl_bench.report.apart import MARK, cases_apart, claims_apart
from itl_bench.report.front import pictures
from itl_bench.report.grouping import (
    RATES_HELD,
    claim_groups,
    column_units,
    compared_columns,
    deciding_name,
    held_at,
    holm_adjusted,
    mechanism_cases,
    speaks_of,
)
from itl_bench.report.in_words import words_by_key
from itl_bench.report.judged import outcomes_in_words
from itl_bench.report.legend import FRONT_STATES, LEGEND
from itl_bench.report.maps import data_in_words, point_decimals, rate_in_words, rate_maps, rates_in_words, side_names
from itl_bench.report.matrix import evidence_matrix, is_own, model_in_words, natural_key, pooling, statements, totals
from itl_bench.report.plot import plot
from itl_bench.report.story import stories
from itl_bench.report.unseen import TITLE, could_not_see
from itl_bench.report.untuned import untuned_in_words
from itl_bench.report.verdicts import claim_verdicts, headlines, measured_kinds
from itl_bench.vocabulary import ARMS, LEVELS, VERDICTS

TEMPLATES = Path(__file__).with_name("templates")
ARTIFACTS = 6  # named with a case
KEY_LENGTH = 12
NONE = "none"  # stands for "no arm" and "no model" in addresses, where nothing means "all"


@dataclass(frozen=True)
class Filter:
    """One drop-down of the page: what it filters by, and the values with the words for them."""

    name: str
    options: tuple[tuple[str, str], ...]


def render(record: Record) -> str:
    """The whole page as text."""
    page, told = _environment().get_template("report.html.j2"), stories(record)
    return page.render(
        stories=told,
        scale=forest.scale_for(told),
        pictures=pictures(record),
        apart=claims_apart(record),
        cases_apart=cases_apart(record),
        unseen=could_not_see(record),
        record=record,
        run=record.run,
        totals=totals(record),
        pooling=wording.pooling_in_words(pooling(record)),
        headlines=headlines(record),
        how_examples=wording.HOW_EXAMPLES,
        pilot=wording.pilot_in_words(record),
        own_claims=[claim for claim in statements(record) if is_own(claim)],
        verdicts=claim_verdicts(record),
        kinds=measured_kinds(record),
        maps=rate_maps(record),
        tables=words_by_key(record),
        made=made.made(record),
        parities=parity.parities(record),
        held=partial(held_at, record),
        published=any(case.evidence == "published" for case in record.cases),
        matrices=[(role, evidence_matrix(record, role)) for role in ("evidence", "sanity")],
        claims=claim_groups(record),
        filters=filters(record),
        adjusted=holm_adjusted(record),
        speaks_of=speaks_of,
        mechanisms=[(mechanism, mechanism_cases(record, mechanism)) for mechanism in record.mechanisms],
    )


def anchor(kind: str, identifier: str) -> str:
    """A safe and unique anchor for foreign text: its letters and digits, and a short hash of it."""
    readable = re.sub(r"[^a-z0-9]+", "-", identifier.lower()).strip("-")[:40]
    return f"{kind}-{readable}-{sha256(identifier.encode()).hexdigest()[:6]}"


def filter_link(**state: str) -> str:
    """The URL fragment that shows only the cases of `state`."""
    return "#" + urlencode(state)


def filters(record: Record) -> tuple[Filter, ...]:
    """The drop-downs that can tell the record's cases apart."""
    cases = record.cases
    models = sorted({case.model for case in cases}, key=natural_key)
    found = (
        Filter("verdict", (*((word, word) for word in VERDICTS), ("not-run", wording.NOT_RUN))),
        _among("level", LEVELS, (case.level for case in cases)),
        _among("evidence", ("published", "measured", "expert"), (case.evidence for case in cases)),
        Filter("model", tuple((name or NONE, model_in_words(name)) for name in models)),
        _among("claim", statements(record), (case.claim for case in cases)),
        _among("arm", (*ARMS, NONE), (case.arm or NONE for case in cases)),
        _among("role", ("evidence", "sanity"), (case.role for case in cases)),
    )
    return tuple(one for one in found if len(one.options) > 1)


def case_plot(case: CaseRecord) -> Markup:
    """The plot of a case, or nothing where it has no numbers."""
    columns = compared_columns(case)
    if not columns:
        return Markup("")
    units = column_units(case)
    if not units:
        return plot(columns, case.expect, case.published_effect, case.unit, f"Effects of {case.id}")
    return Markup("").join(
        plot([column], case.expect, _published(case, column), unit, f"Effect of {case.id} on {column.name}")
        for column, unit in zip(columns, units, strict=True)
    )


def artifacts_in_words(keys: Sequence[str]) -> str:
    """The beginnings of a few keys; the record has all of them, whole."""
    shown = [key[:KEY_LENGTH] for key in keys[:ARTIFACTS]]
    rest = len(keys) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def _published(case: CaseRecord, column: ColumnRecord) -> float | None:
    """The published effect beside the column that it is of: other columns have other units."""
    return case.published_effect if column.name == case.deciding_column else None


def _among(name: str, order: Iterable[str], present: Iterable[str]) -> Filter:
    kept = set(present)
    return Filter(name, tuple((value, "no arm" if value == NONE else value) for value in order if value in kept))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_functions() | _words())
    environment.filters["holm_range"] = wording.holm_range
    environment.filters["ratio"] = _with_minus(wording.ratio_in_words)
    return environment


def _functions() -> dict[str, Callable[..., object]]:
    """What the templates may call."""
    return {
        "number": _with_minus(wording.number),
        "signed": _with_minus(wording.signed),
        "interval": _with_minus(wording.interval),
        "p_value": wording.p_value,
        "margin_sensitivity": wording.margin_sensitivity,
        "effect_decimals": wording.effect_decimals,
        "side_decimals": wording.side_decimals,
        "counts_in_words": wording.counts_in_words,
        "family_counts": wording.family_counts,
        "family_verdict": lambda family: wording.verdict_in_words([family], with_basis=False),
        "on_single_runs": lambda family: wording.on_single_runs([family]),
        "p_label": wording.p_label,
        "ratio_in_words": wording.ratio_in_words,
        "recorded_tag": wording.recorded_tag,
        "column_units": column_units,
        "deciding_name": deciding_name,
        "compared_columns": compared_columns,
        "case_plot": case_plot,
        "artifacts_in_words": artifacts_in_words,
        "minus": _with_minus(str),
        "learned_in_words": learned.learned_in_words,
        "learned_interval": _with_minus(learned.learned_interval),
        "outcomes_in_words": outcomes_in_words,
        "untuned_in_words": _with_minus(untuned_in_words),
        "track": forest.track,
        "forest_axis": forest.axis,
        "legend_mark": forest.legend_mark,
        "draw_front": front_plot.draw,
        "link_mark": front_plot.link_mark,
        "curve_points": curves.curve_points,
        "curve_panels": curves.panels,
        "draw_curve": curves.draw,
        "curve_marker": curves.marker,
        "side_names": side_names,
        "rate_in_words": rate_in_words,
        "rates_in_words": rates_in_words,
        "data_in_words": data_in_words,
        "point_decimals": point_decimals,
        "stretches": answers.stretches,
        "shift_counts": answers.shift_counts,
        "cut_at_values": answers.cut_at_values,
        "anchor": anchor,
        "filter_link": filter_link,
    }


def _words() -> dict[str, Any]:
    """Fixed words that the templates show."""
    return {
        "basis_in_words": wording.BASIS_IN_WORDS,
        "supported_if": wording.SUPPORTED_IF,
        "level_in_words": wording.LEVEL_IN_WORDS,
        "on_text": wording.ON_TEXT,
        "apart_mark": MARK,
        "axis_means": forest.AXIS_MEANS,
        "front_states": FRONT_STATES,
        "legend_words": LEGEND,
        "unseen_title": TITLE,
        "how_to_read": " ".join(wording.HOW_TO_READ),
        "limits_title": wording.PUBLISHED_LIMITS_TITLE,
        "limits": wording.PUBLISHED_LIMITS,
        "shift_in_words": answers.SHIFT_IN_WORDS,
        "none_in_address": NONE,
        "held_means": RATES_HELD,
        "made_means": made.MEANING,
        "parity": parity,
        "speed_means": made.SPEED_MEANS,
        "settings_why": made.WHY,
        "settings_page": made.SETTINGS_PAGE,
    }


def _with_minus(write: Callable[..., str]) -> Callable[..., str]:
    def written(*arguments: object) -> str:
        return write(*arguments).replace("-", "−")

    return written
