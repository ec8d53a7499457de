"""The map of a claim: its measured verdict on every dataset (rows) at every learning rate (columns)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from itl_bench.record import CaseRecord, PointRecord, Record
from itl_bench.report.matrix import claim_key, natural_key
from itl_bench.report.wording import decimals_for, interval, signed
from itl_bench.vocabulary import ARMS

OWN_RATES = "own rates"  # heads the column of sides that share no learning rate
TOLD_APART_BY = (
    "model",
    "probe",
    "measure",
    "arm",
    "text",
)  # what rows may differ in beside their data and their sides


@dataclass(frozen=True)
class MapCell:
    """A case at one learning rate; the headline's verdict is the case's own."""

    point: PointRecord
    headline: bool

    def in_words(self, name: str, decimals: int | None = None) -> str:
        """For example "bios-new30-short at 0.003, headline: SUPPORTED, accuracy +0.08 [0.03, 0.13]"."""
        headline = ", headline" if self.headline else ""
        return f"{name} at {rates_in_words(self.point)}{headline}: {self.point.verdict}, {self.effect(decimals)}"

    def effect(self, decimals: int | None = None) -> str:
        """The column that the numbers are of, its effect and its interval."""
        if self.point.effect is None:
            return "no effect known"
        amount = f"{signed(self.point.effect, decimals)} {interval(self.point.ci_low, self.point.ci_high, decimals)}"
        return f"{self.point.deciding_column or ''} {amount.replace('-', '−')}".strip()


@dataclass(frozen=True)
class MapRow:
    """A case: what it compares and what tells it from the claim's others, in words; a cell (or none) for each rate."""

    case: CaseRecord
    details: str
    cells: tuple[MapCell | None, ...]

    @property
    def decimals(self) -> int:
        """Decimals that suit the effects and intervals of the row."""
        return point_decimals(cell.point for cell in self.cells if cell)


@dataclass(frozen=True)
class RateMap:
    """The measured cases of one claim at all their learning rates; no rate stands for sides that share none."""

    claim: str
    rates: tuple[float | None, ...]
    rows: tuple[MapRow, ...]


def rate_maps(record: Record) -> dict[str, RateMap]:
    """Claim id -> its map, for the claims that have cases with points."""
    claims = {case.claim for case in record.cases if case.points}
    return {
        claim: rate_map(claim, [case for case in record.cases if case.claim == claim and case.points])
        for claim in sorted(claims, key=claim_key)
    }


def rate_map(claim: str, cases: Sequence[CaseRecord]) -> RateMap:
    """The map of one claim.

    Args:
        claim: Its id.
        cases: Its cases that have points.
    """
    ordered = sorted(cases, key=_row_key)
    found = {point.rate for case in ordered for point in case.points or ()}
    rates = tuple(sorted(found, key=lambda rate: (rate is None, rate or 0.0)))
    varying = [name for name in TOLD_APART_BY if len({getattr(case, name) for case in ordered}) > 1]
    return RateMap(claim, rates, tuple(_row(case, rates, varying) for case in ordered))


def headline_point(case: CaseRecord) -> PointRecord | None:
    """The point whose verdict is the case's; none where the case has no points."""
    return next((point for point in case.points or () if point.headline), None)


def point_decimals(points: Iterable[PointRecord]) -> int:
    """Decimals that suit the effects and intervals of points."""
    return decimals_for(value for point in points for value in (point.effect, point.ci_low, point.ci_high))


def rate_in_words(rate: float | None) -> str:
    """A learning rate as people write it; "own rates" where the sides share none."""
    return OWN_RATES if rate is None else f"{rate:g}"


def rates_in_words(point: PointRecord) -> str:
    """The learning rate of a point, or "own rates 0.01 and 0.001"."""
    own = [f"{rate:g}" for rate in (point.rate_left, point.rate_right) if rate is not None]
    return f"{rate_in_words(point.rate)} {' and '.join(own)}".strip()


def side_names(case: CaseRecord) -> tuple[str, str]:
    """What the case compares, for example ("lora", "full"); what is the same on both sides is left out."""
    left, minus, right = case.compared.partition(";")[0].partition(" minus ")
    if not minus:
        return "left", "right"
    data = f" on {case.dataset}"
    shorter = left.replace(data, ""), right.replace(data, "")
    return shorter if case.dataset and shorter[0] != shorter[1] else (left, right)


def data_in_words(dataset: str) -> str:
    """What the name of a world's dataset says, for example "30% new facts, short"; nothing for other names."""
    found = re.fullmatch(r"[a-z0-9]+-new(\d+)-([a-z]+)(?:-([a-z0-9]+))?", dataset)
    return ", ".join([f"{found[1]}% new facts", *filter(None, found.groups()[1:])]) if found else ""


def _row(case: CaseRecord, rates: Sequence[float | None], varying: Iterable[str]) -> MapRow:
    cells = {point.rate: MapCell(point, point.headline) for point in case.points or ()}
    details = [
        " minus ".join(side_names(case)),
        *(_told(name, value) for name in varying if (value := getattr(case, name))),
    ]
    return MapRow(case, ", ".join(details), tuple(map(cells.get, rates)))


def _told(name: str, value: str) -> str:
    return f"{value} text" if name == "text" else value


def _row_key(case: CaseRecord) -> tuple[object, ...]:
    arm = ARMS.index(case.arm) if case.arm else -1
    where = natural_key(case.dataset), natural_key(case.model), case.method, case.measure, case.probe or ""
    return *where, arm, case.text != "own", case.id
