"""The rate curves of a measured case as inline SVG: both sides, and their training losses, over learning rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from markupsafe import Markup

from itl_bench.record import CaseRecord, PointRecord
from itl_bench.report.grouping import column_units
from itl_bench.report.maps import headline_point, rate_in_words, side_names
from itl_bench.report.plot import ticks
from itl_bench.report.wording import number

WIDTH, HEIGHT = 340, 200
LEFT, RIGHT = 48, 322  # room for the numbers of the vertical axis, and for half a rate at the right end
TOP, BOTTOM = 26, 166  # the letters of the verdicts stand above, the rates below
TICK_DISTANCE = 44  # nearest two labels of rates may come
SIDES = ("left", "right")

Pair = tuple[float | None, float | None]


@dataclass(frozen=True)
class Panel:
    """One quantity over learning rates.

    Attributes:
        title: What the vertical axis shows, with its unit.
        rates: Learning rates, rising.
        values: Left and right at each rate.
        verdicts: The verdict at each rate, of which the first letter is shown; empty where there is none to show.
    """

    title: str
    rates: tuple[float, ...]
    values: tuple[Pair, ...]
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """A linear map from `low` to `high` onto positions from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The position of `value`."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def curve_points(case: CaseRecord) -> tuple[PointRecord, ...]:
    """The points of a case that lie on its curves, by rate; none where they are fewer than two."""
    points = [point for point in case.points or () if point.rate is not None and point.rate > 0]
    return tuple(sorted(points, key=lambda point: point.rate or 0.0)) if len(points) > 1 else ()


def panels(case: CaseRecord) -> tuple[Panel, ...]:
    """The value of each column that decides at some rate, then the training loss; what has no numbers is left out."""
    points = curve_points(case)
    columns = dict.fromkeys(point.deciding_column for point in points)
    losses = tuple((point.loss_left, point.loss_right) for point in points)
    shown = [
        *(_panel(case, name) for name in columns),
        Panel("final training loss, nats per token", _rates(case), losses),
    ]
    return tuple(panel for panel in shown if any(value is not None for pair in panel.values for value in pair))


def draw(panel: Panel, case: CaseRecord) -> Markup:
    """Draw one panel of a case's curves."""
    across = _scale([log10(rate) for rate in panel.rates], LEFT + 14, RIGHT - 14, room=0.0)
    up = _scale([value for pair in panel.values for value in pair if value is not None], BOTTOM - 8, TOP + 12)
    parts = [_grid(up), _axis(panel, across), _headline(case, panel, across)]
    parts += [_series(index, panel, across, up) for index in range(len(SIDES))]
    parts += [
        _letter(rate, verdict, across) for rate, verdict in zip(panel.rates, panel.verdicts, strict=False) if verdict
    ]
    title, words = f"{panel.title}: {case.id}", describe(panel, side_names(case))
    return Markup(
        '<svg class="plot curve" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(WIDTH, HEIGHT, title, words, Markup("").join(parts))


def describe(panel: Panel, names: tuple[str, str]) -> str:
    """The numbers of a panel in words, for readers who cannot see it."""
    parts = []
    for rate, pair in zip(panel.rates, panel.values, strict=True):
        known = [f"{name} {number(value)}" for name, value in zip(names, pair, strict=True) if value is not None]
        parts += [f"at {rate_in_words(rate)}: {', '.join(known)}"] if known else []
    return f"{panel.title}; {'; '.join(parts)}."


def marker(side: str) -> Markup:
    """The mark of a side, for the legend."""
    return Markup('<svg class="plot mark" viewBox="0 0 26 12" aria-hidden="true"><g class="{}">{}{}</g></svg>').format(
        side, _line("path", 0, 6, 26, 6), _mark(side, 13, 6)
    )


def _rates(case: CaseRecord) -> tuple[float, ...]:
    return tuple(point.rate or 0.0 for point in curve_points(case))


def _panel(case: CaseRecord, column: str | None) -> Panel:
    """Both sides of one column, at the rates at which it decides: other columns may have other units."""
    points = [one if one.deciding_column == column else None for one in curve_points(case)]
    values = tuple((one.left, one.right) if one else (None, None) for one in points)
    return Panel(_titled(case, column), _rates(case), values, tuple(one.verdict if one else "" for one in points))


def _titled(case: CaseRecord, column: str | None) -> str:
    names = [one.name for one in case.columns]
    units = column_units(case)
    unit = units[names.index(column)] if units and column in names else case.unit
    return ", ".join(part for part in (column or case.measure, unit) if part)


def _scale(values: Sequence[float], start: float, end: float, room: float = 0.04) -> Scale:
    low, high = min(values), max(values)
    level = high - low <= 1e-9 * abs(high)
    padding = (0.1 * abs(high) or 1.0) if level else room * (high - low)
    return Scale(low - padding, high + padding, start, end)


def _grid(up: Scale) -> Markup:
    """Horizontal lines at round values."""
    lines = []
    for value in ticks(up.low, up.high, about=4):
        y = up.at(value)
        label = Markup('<text class="number" x="{}" y="{}">{}</text>').format(
            LEFT - 6, _at(y + 4), _minus(number(value))
        )
        lines.append(_line("grid", LEFT, y, RIGHT, y) + label)
    return Markup("").join(lines)


def _axis(panel: Panel, across: Scale) -> Markup:
    """The horizontal axis, with as many rates as there is room for."""
    shown = [_line("base", LEFT, BOTTOM, RIGHT, BOTTOM)]
    last = -float(WIDTH)
    for rate in panel.rates:
        x = across.at(log10(rate))
        shown.append(_line("tick", x, BOTTOM, x, BOTTOM + 4))
        if x - last >= TICK_DISTANCE:
            last = x
            shown.append(Markup('<text x="{}" y="{}">{}</text>').format(_at(x), BOTTOM + 17, rate_in_words(rate)))
    shown.append(Markup('<text x="{}" y="{}">learning rate</text>').format((LEFT + RIGHT) // 2, HEIGHT - 3))
    return Markup('<g class="axis">{}</g>').format(Markup("").join(shown))


def _headline(case: CaseRecord, panel: Panel, across: Scale) -> Markup:
    """A dashed line at the headline rate."""
    point = headline_point(case)
    if point is None or point.rate is None or point.rate not in panel.rates:
        return Markup("")
    x = across.at(log10(point.rate))
    return _line("headline", x, TOP - 6, x, BOTTOM)


def _series(index: int, panel: Panel, across: Scale, up: Scale) -> Markup:
    """One side: a path through its known values, and a mark on each."""
    known = [
        (across.at(log10(rate)), up.at(value))
        for rate, pair in zip(panel.rates, panel.values, strict=True)
        if (value := pair[index]) is not None
    ]
    path = " ".join(f"{_at(x)},{_at(y)}" for x, y in known)
    return Markup('<g class="{}"><polyline class="path" points="{}"/>{}</g>').format(
        SIDES[index], path, Markup("").join(_mark(SIDES[index], x, y) for x, y in known)
    )


def _mark(side: str, x: float, y: float) -> Markup:
    """A disc on the left, an open square on the right: sides are told apart without their colours."""
    if side == "left":
        return Markup('<circle class="point" cx="{}" cy="{}" r="4.2"/>').format(_at(x), _at(y))
    return Markup('<rect class="point" x="{}" y="{}" width="8" height="8"/>').format(_at(x - 4), _at(y - 4))


def _letter(rate: float, verdict: str, across: Scale) -> Markup:
    return Markup('<text class="letter {}" x="{}" y="14">{}</text>').format(
        verdict.lower(), _at(across.at(log10(rate))), verdict[0]
    )


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(name, *map(_at, (x1, y1, x2, y2)))


def _at(position: float) -> str:
    return f"{position:.2f}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
