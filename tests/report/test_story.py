"""The sentence on each mechanism: made from numbers, one for each arm, with what is missing said."""

import pytest

from itl_bench.record import HeadlineRecord
from itl_bench.report import forest, html, markdown
from itl_bench.report.readme import STORY_END, STORY_START, with_story
from itl_bench.report.story import readings, stories
from tests.helpers.html_page import NASTY, Page
from tests.helpers.measured_record import point
from tests.helpers.sample_record import case, column, family, record
from tests.helpers.story_record import learning, measured, mechanism, told_record

HEADLINE = HeadlineRecord(says="A beats B", asks="A minus B", cases=(), columns=("factuality",))


def sentence(*cases):
    (told,) = stories(record(cases, [], mechanisms=[mechanism(1, "A beats B", cases[0].claim, cases)]))
    return told.sentence()


def words(*cases):
    return [(one.where, one.word) for one in readings(HEADLINE, cases)]


def test_the_sentence_groups_arms_by_verdict_and_names_those_that_are_missing():
    published = case("p", "C10b", "SUPPORTED", columns=(column("factuality", "SUPPORTED", 1.24, 0.33),))
    shared = measured("C10b", "shared-rate", "SUPPORTED", 0.73, 0.04, learning=learning("unequal", 0.32, 0.72))
    fair = measured("C10b", "fair", "REFUTED", -0.02, 0.03)
    assert sentence(published, shared, fair) == (
        "That A beats B is SUPPORTED as published (factuality +1.24 [0.91, 1.57]) and at a shared learning rate "
        "(accuracy +0.73 [0.69, 0.77]; learned unequal: 0.32 against 0.72), REFUTED with each at its best rate "
        "(accuracy -0.020 [-0.050, 0.010]), and not measured in this run at equal learning."
    )


def test_a_sentence_of_one_case_names_three_missing_arms():
    assert sentence(measured("C10b", "fair", "REFUTED", -0.02, 0.03)).endswith(
        "and not measured in this run at a shared learning rate and at equal learning."
    )


def test_a_mechanism_without_cases_is_not_measured():
    (told,) = stories(record([], [], mechanisms=[mechanism(1, "A beats B", "C99", ())]))
    assert told.sentence() == "That A beats B is not measured in this run."


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no room: right at 0.99; 6 replicates", "no room: right at 0.99"),
        ("pilot: cells of 23 updates; a verdict needs 94", "pilot: cells of 23 updates"),
        ("no match at equal facts learned: base 1", "no match at equal facts learned: base 1"),
        ("accuracy: +0.04 [0.01, 0.07] straddles the margin +0.05; 6 replicates", ""),
    ],
)
def test_inconclusive_says_why_unless_the_interval_shows_it(reason, said):
    one = measured("C10b", "shared-rate", "INCONCLUSIVE", 0.04, 0.03, reason=reason)
    found = f"INCONCLUSIVE at a shared learning rate (accuracy +0.040 [0.010, 0.070]{f'; {said}' if said else ''})"
    assert found in sentence(one)


def test_a_case_that_was_not_run_says_why():
    one = measured("C10b", "fair", None, effect=0.0, reason="not run: needs 28 GB of GPU memory")
    assert "not run with each at its best rate (needs 28 GB of GPU memory)" in sentence(one)


def test_every_arm_is_read_in_order_and_equal_loss_only_where_asked():
    arms = ["equal-loss", "fair", "equal-learning", "shared-rate"]
    cases = [measured("C10b", arm, "SUPPORTED") for arm in arms]
    shown = ["as published", "at a shared learning rate", "with each at its best rate", "at equal training loss"]
    assert [where for where, _ in words(*cases)] == [*shown, "at equal learning"]
    assert [where for where, _ in words()] == [*shown[:3], "at equal learning"]
    assert [word for _, word in words()] == ["not audited in this run", *["not measured in this run"] * 3]


def test_equal_learning_along_rates_and_within_a_run_are_told_apart():
    both = [measured("C10b", "equal-learning", "SUPPORTED", within=within) for within in (False, True)]
    assert [where for where, _ in words(*both)][-2:] == ["at equal learning", "at equal learning, within a run"]


def test_several_models_are_named():
    both = [measured("C10b", "fair", "SUPPORTED", model=model) for model in ("bios1m", "gemma270m")]
    assert [where for where, _ in words(*both)][2:4] == [
        f"with each at its best rate, {model} on bios-new30-short" for model in ("bios1m", "gemma270m")
    ]


def test_the_named_column_is_read_with_its_own_verdict_and_unit():
    columns = (column("depth", "REFUTED", -0.4), column("factuality", "SUPPORTED", 0.9, 0.1, 0.2))
    one = readings(HEADLINE, [case("p", columns=columns, verdict="REFUTED", unit="points; stars")])[0]
    assert (one.word, one.column, one.unit, one.effect, one.margin) == ("SUPPORTED", "factuality", "stars", 0.9, 0.2)


def test_a_record_without_marks_of_learning_says_the_shares_alone():
    at = point(0.003, learned_left=0.32, learned_right=0.76, headline=True)
    assert "; learned 0.32 against 0.76)" in sentence(measured("C10b", "shared-rate", "SUPPORTED", points=(at,)))


def test_at_equal_learning_there_is_one_share():
    one = measured("C10b", "equal-learning", "SUPPORTED", learning=learning("equal", 0.58, 0.58, 0.0))
    assert "; both learned 0.58)" in sentence(one)


def test_the_track_is_drawn_in_multiples_of_the_margin():
    shown = readings(HEADLINE, [measured("C10b", "fair", "SUPPORTED", 0.4, 0.1)])[2]
    assert forest.multiples(shown) == pytest.approx((8.0, 6.0, 10.0))
    scale = forest.Scale(0.0, 10.0, forest.LEFT, forest.RIGHT)
    drawn = forest.track(shown, scale)
    assert f'cx="{forest.LEFT + 0.8 * (forest.RIGHT - forest.LEFT):.2f}"' in drawn
    assert 'class="supported"' in drawn


@pytest.mark.parametrize(("verdict", "shape"), [("SUPPORTED", "circle"), ("REFUTED", "path"), ("INCONCLUSIVE", "rect")])
def test_verdicts_have_shapes_of_their_own(verdict, shape):
    assert forest.mark(verdict, 3.0).startswith(f"<{shape} ")


def test_what_has_no_margin_or_no_effect_is_not_drawn():
    bare = readings(HEADLINE, [measured("C10b", "fair", "SUPPORTED", smallest_effect=0.0)])[2]
    assert forest.multiples(bare) is None
    assert forest.track(bare, forest.Scale(0, 1)) == ""
    assert forest.scale_for([]) is None


def test_the_readme_has_the_sentences_and_effects_between_their_marks():
    text = with_story(f"before\n{STORY_START}\nold\n{STORY_END}\nafter", told_record())
    assert text.startswith(f"before\n{STORY_START}\n\n- **M1** That LoRA keeps more")
    assert text.endswith(f"|\n\n{STORY_END}\nafter")
    assert "old" not in text
    assert text.count("\n- **M") == 3
    assert "**not run** at equal learning (no match was trained)" in text


def test_texts_of_a_headline_can_break_no_page():
    cases = [measured("C10b", "shared-rate", "INCONCLUSIVE", reason=NASTY, unit=NASTY, name=NASTY)]
    headline = mechanism(1, NASTY, "C10b", cases)
    nasty = record(cases, [], mechanisms=[headline])
    text = html.render(nasty)
    assert len(Page(text).all("script")) == 1
    assert "<script>alert" not in text
    assert "<script>" not in markdown.render(nasty)


def test_the_report_begins_with_the_sentences():
    shown = told_record()
    text = markdown.render(shown)
    page = html.render(shown)
    for story in stories(shown):
        assert f"**{story.id}** That {story.headline.says} is **" in text.partition("## Claims")[0]
    assert page.index('id="story"') < page.index('id="evidence"')
    assert page.count('<svg class="plot track"') == 12  # eleven readings with an effect, and the axis


def test_a_verdict_that_the_whole_claim_does_not_share_is_told_beside_it():
    shared = measured("C10b", "shared-rate", "SUPPORTED", 0.73, 0.04)
    whole = [family("C10b", verdict, evidence="measured", level="bios", arm="shared-rate", members=10)
             for verdict in ("REFUTED", "SUPPORTED", None)]  # fmt: skip
    found = [readings(HEADLINE, [shared], [one])[1].note for one in whole]
    assert found == ["REFUTED over all 10 cases of C10b", "", ""]
    other = family("C10b", "REFUTED", evidence="measured", level="bios", arm="fair", members=4)
    assert readings(HEADLINE, [shared], [other])[1].note == ""
