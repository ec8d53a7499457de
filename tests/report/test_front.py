"""Kept against learned: better, worse or not told apart, by intervals alone."""

import pytest

from itl_bench.report import html, markdown
from itl_bench.report.front import pictures, stand
from itl_bench.report.front_plot import draw
from tests.helpers.html_page import NASTY
from tests.helpers.sample_record import record
from tests.helpers.story_record import fair_point, learning, measured, swept_points, told_record

MORE, LESS = ("unequal", 0.7, 0.4), ("unequal", 0.4, 0.7)
SAME, OPEN = ("equal", 0.5, 0.52, 0.02), ("unknown", 0.5, 0.58, 0.1)


@pytest.mark.parametrize(
    ("effect", "verdict", "learned", "state"),
    [  # margin 0.05, half width 0.03
        (0.20, "SUPPORTED", MORE, "better"), (0.20, "SUPPORTED", SAME, "better"), (0.00, "REFUTED", MORE, "better"),
        (-0.20, "REFUTED", LESS, "worse"), (-0.20, "REFUTED", SAME, "worse"), (0.00, "REFUTED", LESS, "worse"),
        (0.20, "SUPPORTED", LESS, "not told apart"), (-0.20, "REFUTED", MORE, "not told apart"),  # a trade
        (0.00, "REFUTED", SAME, "not told apart"), (0.20, "SUPPORTED", OPEN, "not told apart"),
        (-0.04, "REFUTED", LESS, "not told apart"),  # its interval holds -0.05
        (0.20, "INCONCLUSIVE", MORE, "not told apart"),  # something keeps it from being a verdict
        (0.20, "SUPPORTED", None, "not told apart"),
    ],
)  # fmt: skip
def test_three_states(effect, verdict, learned, state):
    mark = learning(*learned) if learned else None
    assert stand(measured("C10b", "shared-rate", verdict, effect, 0.03, learning=mark))[0] == state


@pytest.mark.parametrize(
    ("effect", "verdict", "state"),
    [(0.2, "SUPPORTED", "better"), (-0.2, "REFUTED", "worse"), (0.0, "REFUTED", "not told apart")],
)
def test_at_equal_learning_what_was_kept_decides(effect, verdict, state):
    one = measured("C10b", "equal-learning", verdict, effect, 0.03, learning=learning("equal", 0.5, 0.5, 0.0))
    assert stand(one)[0] == state


def test_the_words_say_what_the_intervals_say():
    one = measured("C10b", "shared-rate", "SUPPORTED", 0.73, 0.04, learning=learning())
    assert stand(one)[1] == "keeps more (+0.73 [0.69, 0.77]), learns less (0.32 against 0.72)"


def test_points_without_intervals_decide_nothing():
    """However far apart two points lie, a record that does not say whether both learned as much tells nothing apart."""
    far = measured("C10b", "shared-rate", "SUPPORTED", 0.9, 0.01, points=swept_points())
    (picture,) = pictures(record([far], []))
    assert [one.state for one in picture.standings] == ["not told apart"]


def test_a_picture_has_every_rate_and_one_standing_for_each_arm():
    shown = pictures(told_record())
    assert [(one.dataset, one.names, one.open) for one in shown] == [("bios-new30-short", ("lora", "full"), True)]
    (picture,) = shown
    assert [(one.rate, one.learned, one.kept) for one in picture.left] == [
        ("0.0001", 0.03, 1.0), ("0.001", 0.08, 0.99), ("0.003", 0.32, 0.97), ("0.01", 0.6, 0.82),
    ]  # fmt: skip
    assert [(one.where, one.state) for one in picture.standings] == [
        ("at a shared learning rate (0.003)", "not told apart"),
        ("with each at its best rate (own rates 0.01 and 0.001)", "worse"),
        ("at equal learning", "not told apart"),
        ("at equal learning, within a run", "not told apart"),
    ]


def test_data_without_new_facts_give_no_picture():
    points = tuple(one.model_copy(update={"learned_left": None, "learned_right": None}) for one in swept_points())
    assert pictures(record([measured("C10b", "shared-rate", "SUPPORTED", points=points)], [])) == ()
    assert "Kept against learned" not in markdown.render(record([], []))


def test_the_picture_joins_the_pairs_that_were_compared():
    (picture,) = pictures(told_record())
    drawn = draw(picture)
    assert drawn.count('class="link untold"') == 3
    assert drawn.count('class="link right"') == 1  # full tuning is the better one at each one's best rate
    assert drawn.count('class="ring"') == 8


def test_names_in_a_picture_are_escaped():
    one = measured("C10b", "shared-rate", "SUPPORTED", points=swept_points(), dataset=NASTY, probe=NASTY)
    fair = measured("C10b", "fair", "REFUTED", points=fair_point(), dataset=NASTY, probe=NASTY)
    text = html.render(record([one, fair], []))
    assert "<script>alert" not in text
    assert 'id="front"' in text
