"""The effects of all headlines on one axis: a track of inline SVG for each reading, in multiples of its margin."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from itl_bench.report.plot import Scale, margins, ticks
from itl_bench.report.story import Reading, Story
from itl_bench.report.wording import number

WIDTH, HEIGHT, MIDDLE = 280, 18, 9
LEFT, RIGHT = 8, 272
AXIS = 20  # height of the axis with its numbers
ABOUT = 4  # numbers on the axis
AXIS_MEANS = "effect, as a multiple of the smallest effect that matters (d)"


def scale_for(stories: Iterable[Story]) -> Scale | None:
    """A scale that holds zero, every margin and every interval; none where nothing can be drawn."""
    drawn = [one for story in stories for one in story.readings if multiples(one)]
    values = [value for one in drawn for value in (*(multiples(one) or ()), *margins(one.expect, 1.0))]
    if not values:
        return None
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.04 * (high - low)
    return Scale(low - room, high + room, LEFT, RIGHT)


def multiples(one: Reading) -> tuple[float, float, float] | None:
    """Effect and ends of the interval over the margin; an effect without an interval is its own. None: not drawn."""
    if one.effect is None or not one.margin:
        return None
    ends = (one.effect if one.low is None else one.low), (one.effect if one.high is None else one.high)
    return one.effect / one.margin, ends[0] / one.margin, ends[1] / one.margin


def track(one: Reading, scale: Scale) -> Markup:
    """One reading: the side that supports it, zero, its margin, its interval, and a mark that shows the verdict."""
    drawn = multiples(one)
    if drawn is None:
        return Markup("")
    effect, low, high = map(scale.at, drawn)
    parts = [_side(one, scale), _line("zero", scale.at(0)), *(_line("margin", scale.at(at)) for at in _margins(one))]
    parts.append(
        Markup('<g class="{}"><line class="range" x1="{}" x2="{}" y1="{}" y2="{}"/>{}</g>').format(
            one.word.lower(), _at(low), _at(high), MIDDLE, MIDDLE, mark(one.word, effect)
        )
    )
    words = f"{one.where}: {one.amount()}, d = {number(one.margin)}, {one.word}"
    return Markup('<svg class="plot track" viewBox="0 0 {} {}" role="img"><title>{}</title>{}</svg>').format(
        WIDTH, HEIGHT, words, Markup("").join(parts)
    )


def mark(verdict: str, x: float, y: float = MIDDLE) -> Markup:
    """A disc for SUPPORTED, a cross for REFUTED, an open square for INCONCLUSIVE: told apart without their colours."""
    if verdict == "SUPPORTED":
        return Markup('<circle class="dot" cx="{}" cy="{}" r="5"/>').format(_at(x), _at(y))
    if verdict == "REFUTED":
        return Markup('<path class="cross" d="M{} {}l9 9m0 -9l-9 9"/>').format(_at(x - 4.5), _at(y - 4.5))
    return Markup('<rect class="open" x="{}" y="{}" width="9" height="9"/>').format(_at(x - 4.5), _at(y - 4.5))


def legend_mark(verdict: str) -> Markup:
    """The mark of a verdict, for the legend."""
    return Markup('<svg class="plot mark" viewBox="0 0 14 12" aria-hidden="true"><g class="{}">{}</g></svg>').format(
        verdict.lower(), mark(verdict, 7, 6)
    )


def axis(scale: Scale) -> Markup:
    """The common axis, with round multiples."""
    shown = [_axis_mark(value, scale) for value in ticks(scale.low, scale.high, ABOUT)]
    line = Markup('<line x1="{}" x2="{}" y1="0" y2="0"/>').format(LEFT, RIGHT)
    return Markup('<svg class="plot track" viewBox="0 0 {} {}" aria-hidden="true"><g class="axis">{}</g></svg>').format(
        WIDTH, AXIS, line + Markup("").join(shown)
    )


def _axis_mark(value: float, scale: Scale) -> Markup:
    x = _at(scale.at(value))
    text = number(value).replace("-", "−") + ("d" if value else "")
    return Markup('<line x1="{}" x2="{}" y1="0" y2="4"/><text x="{}" y="16">{}</text>').format(x, x, x, text)


def _margins(one: Reading) -> Sequence[float]:
    return margins(one.expect, 1.0)


def _side(one: Reading, scale: Scale) -> Markup:
    lines = _margins(one)
    ends = {"no-change": (lines[0], lines[-1]), "no-gain": (scale.low, lines[0]), "falling": (scale.low, lines[0])}
    left, right = (scale.at(end) for end in ends.get(one.expect, (lines[0], scale.high)))
    return Markup('<rect class="side" x="{}" y="0" width="{}" height="{}"/>').format(
        _at(left), _at(max(right - left, 0)), HEIGHT
    )


def _line(name: str, x: float) -> Markup:
    return Markup('<line class="{}" x1="{}" x2="{}" y1="0" y2="{}"/>').format(name, _at(x), _at(x), HEIGHT)


def _at(position: float) -> str:
    return f"{position:.2f}"
