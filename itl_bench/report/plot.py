"""The plot of a case: every column's effect with its interval against the margin, as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from textwrap import wrap

from markupsafe import Markup

from itl_bench.record import ColumnRecord
from itl_bench.report.wording import SUPPORTED_IF, effect_decimals, interval, number, signed
from itl_bench.vocabulary import Expectation

WIDTH = 400
LEFT, RIGHT = 24, 376  # room for half a number at either end of the axis
ROW = 40
LABEL, TRACK, MARK = 13, 18, 28  # heights inside a row: baseline of the name, top of the track, centre of the dot
AXIS, LINE = 20, 14  # heights of the axis with its numbers, and of a line of its caption
NAME_LENGTH = 34
CAPTION_LENGTH = 58


@dataclass(frozen=True)
class Scale:
    """A linear map from effects, or multiples of a margin, to horizontal positions from `left` to `right`."""

    low: float
    high: float
    left: float = LEFT
    right: float = RIGHT

    def at(self, value: float) -> float:
        """The horizontal position of `value`."""
        return self.left + (self.right - self.left) * (value - self.low) / (self.high - self.low)


def margins(expect: Expectation, smallest_effect: float) -> tuple[float, ...]:
    """Where the verdict rule draws its line, or its two lines."""
    if expect == "no-change":
        return (-smallest_effect, smallest_effect)
    return (-smallest_effect,) if expect in ("at-least", "falling") else (smallest_effect,)


def supporting_side(expect: Expectation, smallest_effect: float, scale: Scale) -> tuple[float, float]:
    """The stretch of the axis in which an interval supports the claim."""
    lines = margins(expect, smallest_effect)
    if expect == "no-change":
        return lines[0], lines[-1]
    return (scale.low, lines[0]) if expect in ("no-gain", "falling") else (lines[0], scale.high)


def scale_for(columns: Sequence[ColumnRecord], expect: Expectation, published: float | None = None) -> Scale:
    """A scale that holds zero, every interval, every margin and the published value, with some room."""
    values = [0.0] if published is None else [0.0, published]
    for column in columns:
        values += [column.effect, column.ci_low, column.ci_high, *margins(expect, column.smallest_effect)]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return Scale(low - room, high + room)


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round numbers (1, 2 or 5 times a power of ten) between `low` and `high`."""
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return tuple(index * step for index in range(ceil(low / step), floor(high / step) + 1))


def plot(
    columns: Sequence[ColumnRecord],
    expect: Expectation,
    published: float | None = None,
    unit: str | None = None,
    title: str = "Effects",
) -> Markup:
    """Draw the columns of one case.

    Args:
        columns: What to draw, one row each, from the top.
        expect: Which side of the margin supports the claim; that side is shaded.
        published: A value from the paper to show for orientation, in its own row.
        unit: Unit of the effect, for the axis.
        title: What the picture shows, for readers who cannot see it.
    """
    scale = scale_for(columns, expect, published)
    decimals = effect_decimals(columns)
    bottom = ROW * (len(columns) + (published is not None))
    sides = [_side(column, index * ROW, expect, scale) for index, column in enumerate(columns)]
    rows = [_row(column, index * ROW, scale, decimals) for index, column in enumerate(columns)]
    if published is not None:
        rows.append(_published(published, len(columns) * ROW, scale, decimals))
    caption = wrap(f"left minus right, {unit}" if unit else "left minus right", CAPTION_LENGTH)
    # Zero is drawn in the tracks only, so that no label has a line through it.
    zeros = [_line("zero", scale.at(0), top + TRACK, top + ROW) for top in range(0, bottom, ROW)]
    body = Markup("").join([*sides, *zeros, *rows, _axis(scale, bottom, caption)])
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>').format(
        WIDTH, bottom + AXIS + LINE * len(caption), title, _description(columns, expect, published, decimals), body
    )


def _side(column: ColumnRecord, top: float, expect: Expectation, scale: Scale) -> Markup:
    """The shaded side of the margin, and the margin itself."""
    left, right = (scale.at(end) for end in supporting_side(expect, column.smallest_effect, scale))
    shade = Markup('<rect class="side" x="{}" y="{}" width="{}" height="{}"/>')
    lines = (_line("margin", scale.at(at), top + TRACK, top + ROW) for at in margins(expect, column.smallest_effect))
    return shade.format(_at(left), top + TRACK, _at(max(right - left, 0)), ROW - TRACK) + Markup("").join(lines)


def _row(column: ColumnRecord, top: float, scale: Scale, decimals: int) -> Markup:
    return Markup(
        '<g class="{}"><text class="name" x="{}" y="{}">{}</text><text class="value" x="{}" y="{}">{} {}</text>'
        '<line class="range" x1="{}" x2="{}" y1="{}" y2="{}"/><circle class="dot" cx="{}" cy="{}" r="4.5"/></g>'
    ).format(
        column.verdict.lower(),
        *(LEFT, top + LABEL, _elided(column.name)),
        *(RIGHT, top + LABEL, _minus(signed(column.effect, decimals)), column.verdict[0]),
        *(_at(scale.at(column.ci_low)), _at(scale.at(column.ci_high)), top + MARK, top + MARK),
        *(_at(scale.at(column.effect)), top + MARK),
    )


def _published(value: float, top: float, scale: Scale, decimals: int) -> Markup:
    x, y = scale.at(value), top + MARK
    corners = " ".join(f"{_at(x + across)},{_at(y + down)}" for across, down in ((0, -6), (6, 0), (0, 6), (-6, 0)))
    return Markup(
        '<g class="published"><text class="name" x="{}" y="{}">published (other judge, other models)</text>'
        '<text class="value" x="{}" y="{}">{}</text><polygon class="diamond" points="{}"/></g>'
    ).format(LEFT, top + LABEL, RIGHT, top + LABEL, _minus(signed(value, decimals)), corners)


def _axis(scale: Scale, top: float, caption: Sequence[str]) -> Markup:
    marks = [
        Markup('{}<text x="{}" y="{}">{}</text>').format(
            _line("tick", scale.at(value), top, top + 4), _at(scale.at(value)), top + 17, _minus(number(value))
        )
        for value in ticks(scale.low, scale.high)
    ]
    lines = [
        Markup('<text class="caption" x="{}" y="{}">{}</text>').format(WIDTH // 2, top + AXIS + 11 + index * LINE, text)
        for index, text in enumerate(caption)
    ]
    return Markup('<g class="axis"><line x1="{}" x2="{}" y1="{}" y2="{}"/>{}</g>').format(
        LEFT, RIGHT, top, top, Markup("").join([*marks, *lines])
    )


def _line(name: str, x: float, top: float, bottom: float) -> Markup:
    return Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(name, _at(x), _at(x), top, bottom)


def _description(columns: Sequence[ColumnRecord], expect: Expectation, published: float | None, decimals: int) -> str:
    parts = [
        f"{column.name}: {signed(column.effect, decimals)} {interval(column.ci_low, column.ci_high, decimals)}, "
        f"d = {number(column.smallest_effect)}, {column.verdict}"
        for column in columns
    ]
    if published is not None:
        parts.append(f"published: {signed(published, decimals)}")
    return f"Supported if {SUPPORTED_IF[expect]}. " + "; ".join(parts) + "."


def _at(position: float) -> str:
    return f"{position:.2f}"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _elided(text: str, length: int = NAME_LENGTH) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
