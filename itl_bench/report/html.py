"""The HTML report of a run: one page that needs no network, made from the record alone."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from itl_bench.record import CaseRecord, Record
from itl_bench.report import wording
from itl_bench.report.grouping import claim_groups, compared_columns, holm_adjusted, mechanism_cases
from itl_bench.report.matrix import evidence_matrix, natural_key, statements, totals, with_role
from itl_bench.report.plot import plot
from itl_bench.vocabulary import ARMS, LEVELS, VERDICTS

TEMPLATES = Path(__file__).with_name("templates")
NO_ARM = "none"


@dataclass(frozen=True)
class Filter:
    """One drop-down of the page: what it filters by, and the values with the words for them."""

    name: str
    options: tuple[tuple[str, str], ...]


def render(record: Record) -> str:
    """The whole page as text."""
    page = _environment().get_template("report.html.j2")
    return page.render(
        record=record,
        run=record.run,
        totals=totals(record),
        sanity=with_role(record, "sanity"),
        matrices=[(role, evidence_matrix(record, role)) for role in ("evidence", "sanity")],
        claims=claim_groups(record),
        filters=filters(record),
        adjusted=holm_adjusted(record),
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
    found = (
        Filter("verdict", (*((word, word) for word in VERDICTS), ("not-run", wording.NOT_RUN))),
        _among("level", LEVELS, (case.level for case in cases)),
        _among("evidence", ("published", "measured", "expert"), (case.evidence for case in cases)),
        _among("model", sorted({case.model for case in cases}, key=natural_key), (case.model for case in cases)),
        _among("claim", statements(record), (case.claim for case in cases)),
        _among("arm", (*ARMS, NO_ARM), (case.arm or NO_ARM for case in cases)),
        _among("role", ("evidence", "sanity"), (case.role for case in cases)),
    )
    return tuple(one for one in found if len(one.options) > 1)


def case_plot(case: CaseRecord) -> Markup:
    """The plot of a case, or nothing where it has no numbers."""
    columns = compared_columns(case)
    if not columns:
        return Markup("")
    return plot(columns, case.expect, case.published_effect, case.unit, f"Effects of {case.id}")


def _among(name: str, order: Iterable[str], present: Iterable[str]) -> Filter:
    kept = set(present)
    return Filter(name, tuple((value, "no arm" if value == NO_ARM else value) for value in order if value in kept))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_functions())
    return environment


def _functions() -> dict[str, Any]:
    """What the templates may call."""
    shown: dict[str, Callable[..., object]] = {
        "number": _with_minus(wording.number),
        "signed": _with_minus(wording.signed),
        "interval": _with_minus(wording.interval),
        "p_value": wording.p_value,
        "margin_sensitivity": wording.margin_sensitivity,
        "effect_decimals": wording.effect_decimals,
        "side_decimals": wording.side_decimals,
        "counts_in_words": wording.counts_in_words,
        "family_counts": wording.family_counts,
        "holm_range": wording.holm_range,
        "changed": wording.changed,
        "compared_columns": compared_columns,
        "case_plot": case_plot,
        "anchor": anchor,
        "filter_link": filter_link,
    }
    words = {
        "basis_in_words": wording.BASIS_IN_WORDS,
        "supported_if": wording.SUPPORTED_IF,
        "level_in_words": wording.LEVEL_IN_WORDS,
        "how_to_read": " ".join(wording.HOW_TO_READ),
        "no_arm": NO_ARM,
    }
    return {**shown, **words}


def _with_minus(write: Callable[..., str]) -> Callable[..., str]:
    def written(*arguments: object) -> str:
        return write(*arguments).replace("-", "−")

    return written
