"""The picture of kept against learned as inline SVG: every method at every rate, and how two methods stand."""

from markupsafe import Markup

from itl_bench.report.front import Mark, Picture, Standing, describe

WIDTH, HEIGHT = 400, 310
LEFT, RIGHT, TOP, BOTTOM = 46, 384, 24, 262
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
NEAR = 26.0  # two labels of rates may come no nearer
LINK = {"better": "left", "worse": "right", "not told apart": "untold"}  # whose colour a pair is joined in


def draw(picture: Picture) -> Markup:
    """Draw one picture; both axes are shares, from 0 to 1."""
    parts = [_grid(), *(_link(one) for one in picture.standings if one.marks)]
    parts += [_series("left", picture.left), _series("right", picture.right)]
    parts.append(_labels(picture))
    parts += [_ring(side, one) for standing in picture.standings if standing.marks
              for side, one in zip(("left", "right"), standing.marks, strict=True)]  # fmt: skip
    title = f"Kept against learned: {' and '.join(picture.names)} on {picture.dataset}"
    return Markup(
        '<svg class="plot front" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(WIDTH, HEIGHT, title, describe(picture), Markup("").join(parts))


def link_mark(state: str) -> Markup:
    """How a pair is joined, for the legend."""
    return Markup(
        '<svg class="plot mark" viewBox="0 0 26 12" aria-hidden="true"><line class="link {}" x1="1" x2="25" y1="6" '
        'y2="6"/></svg>'
    ).format(LINK[state])


def _x(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * share


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _grid() -> Markup:
    lines = [
        Markup(
            '<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/><text class="number" x="{3}" y="{4}">{5:g}</text>'
            '<line class="grid" x1="{6}" x2="{6}" y1="{7}" y2="{8}"/><text class="across" x="{6}" y="{9}">{5:g}</text>'
        ).format(LEFT, RIGHT, _at(_y(one)), LEFT - 6, _at(_y(one) + 4), one, _at(_x(one)), TOP, BOTTOM, BOTTOM + 16)
        for one in SHARES
    ]
    middle = (TOP + BOTTOM) // 2
    words = Markup(
        '<text class="across" x="{}" y="{}">share of new facts learned →</text>'
        '<text class="across" transform="translate(11 {}) rotate(-90)">share of known facts kept →</text>'
    ).format((LEFT + RIGHT) // 2, HEIGHT - 12, middle)
    return Markup('<g class="frame">{}</g>').format(Markup("").join(lines) + words)


def _series(side: str, marks: tuple[Mark, ...]) -> Markup:
    path = " ".join(f"{_at(_x(one.learned))},{_at(_y(one.kept))}" for one in marks)
    points = Markup("").join(_point(side, one) for one in marks)
    return Markup('<g class="{}"><polyline class="path" points="{}"/>{}</g>').format(side, path, points)


def _point(side: str, one: Mark) -> Markup:
    """A disc on the left, an open square on the right, as in the rate curves."""
    x, y = _x(one.learned), _y(one.kept)
    title = Markup("<title>{}: learned {:.2f}, kept {:.2f}</title>").format(
        f"at {one.rate}" if one.rate else "read", one.learned, one.kept
    )
    if side == "left":
        return Markup('<circle class="point" cx="{}" cy="{}" r="4.5">{}</circle>').format(_at(x), _at(y), title)
    return Markup('<rect class="point" x="{}" y="{}" width="8.5" height="8.5">{}</rect>').format(
        _at(x - 4.25), _at(y - 4.25), title
    )


def _labels(picture: Picture) -> Markup:
    """The rate beside each mark; one that would stand on another is left out (the marks' titles have all)."""
    taken: list[tuple[float, float]] = []
    shown = []
    for side, marks in (("left", picture.left), ("right", picture.right)):
        for one in marks:
            x, y = _x(one.learned), _y(one.kept) + (-9 if side == "left" else 17)
            if all(abs(x - across) >= NEAR or abs(y - down) >= NEAR / 2 for across, down in taken):
                taken.append((x, y))
                shown.append(
                    Markup('<text class="rate {}" x="{}" y="{}">{}</text>').format(side, _at(x), _at(y), one.rate)
                )
    return Markup("").join(shown)


def _link(one: Standing) -> Markup:
    """Joins the two marks of an arm: in the colour of the better method, dotted where they are not told apart."""
    assert one.marks is not None
    left, right = one.marks
    return Markup('<line class="link {}" x1="{}" y1="{}" x2="{}" y2="{}"><title>{}: {}</title></line>').format(
        LINK[one.state], *map(_at, (_x(left.learned), _y(left.kept), _x(right.learned), _y(right.kept))),
        one.where, one.state,
    )  # fmt: skip


def _ring(side: str, one: Mark) -> Markup:
    """A ring around a mark that a verdict is about; the mark may be at a rate that the other side does not have."""
    return Markup('<g class="{}">{}<circle class="ring" cx="{}" cy="{}" r="8.5"/></g>').format(
        side, _point(side, one), _at(_x(one.learned)), _at(_y(one.kept))
    )


def _at(position: float) -> str:
    return f"{position:.2f}"
