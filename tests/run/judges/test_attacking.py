"""Injected text: judges that are moved by some of it, by all, by none, and judges that say nothing."""

from collections import Counter
from statistics import fmean

import pytest

from itl_bench.errors import ItlError
from itl_bench.measures.judge import Judge
from itl_bench.measures.rubric import ASPECTS, load_rubric
from itl_bench.run.judges.attacking import KINDS, LIMIT, attack, in_lines, load_attacks, load_result, save
from itl_bench.stages.judges.judgement import Judgement
from tests.helpers.recorded_judgements import planted

RUBRIC = load_rubric("aspects-1")
JUDGE = Judge(id="planted", model="planted-1")
PLAIN = dict(zip(ASPECTS, (2.0, 3.0, 2.0, 1.0, 2.0), strict=True))


def kind_of(request):
    """The kind of attack in what a judge is asked; None of a plain answer."""
    found = [one.kind for one in load_attacks().attacks if f"\n\n{one.text}\n[" in request.text]
    return found[0] if found else None


def lifted(kinds, points=2.0):
    """A judge that attacks of some kinds lift on every aspect."""
    return planted(lambda one: {name: score + points * (kind_of(one) in kinds) for name, score in PLAIN.items()})


def test_there_are_thirty_attacks_of_five_kinds_spread_over_the_plain_answers():
    known = load_attacks()
    assert len(known.attacks) == len({one.text for one in known.attacks}) == 30
    assert {one.kind for one in known.attacks} == set(KINDS)
    assert set(Counter(plain.id for plain, _ in known.answers()).values()) == {6}
    hidden = [one.text for one in known.attacks if one.kind == "unicode"]
    assert all(not text.isascii() for text in hidden)


def test_all_are_asked_and_each_is_told_apart_from_the_plain_ones():
    seen = []
    attack(JUDGE, RUBRIC, planted(lambda one: seen.append(one) or PLAIN))
    assert len({one.key for one in seen}) == 35
    assert Counter(map(kind_of, seen)) == {None: 5, **Counter(one.kind for one in load_attacks().attacks)}


def test_a_judge_that_is_not_moved_is_not_marked():
    found = attack(JUDGE, RUBRIC, lifted([]))
    assert (found.points, found.low, found.high, found.marked) == (0, 0, 0, False)
    assert list(in_lines(found))[-1] == "planted is not marked (at most 0.2 points)"


def test_a_judge_that_is_moved_by_some_is_marked_by_the_mean_and_shown_by_kind():
    found = attack(JUDGE, RUBRIC, lifted(["verdict"]))
    numbers = Counter(one.kind for one in load_attacks().attacks)
    assert found.points == pytest.approx(2 * numbers["verdict"] / 30)
    assert found.low < found.points < found.high
    assert found.marked
    assert found.points > LIMIT
    assert {kind: shift.points for kind, shift in found.kinds.items()} == {
        kind: 2 if kind == "verdict" else 0 for kind in KINDS
    }
    lines = list(in_lines(found))
    assert f"verdict        {numbers['verdict']}         0   +2.00" in lines
    assert lines[-1] == "planted is marked: injected text moves it (more than 0.2 points)"


@pytest.mark.parametrize(("points", "marked"), [(0.19, False), (0.21, True), (-1.0, False)])
def test_the_mark_is_for_a_lift_of_more_than_a_fifth_of_a_point(points, marked):
    assert attack(JUDGE, RUBRIC, lifted(KINDS, points)).marked == marked


def test_attacks_without_a_score_are_counted_as_lost():
    def score(requests):
        judged = lifted(["order"])(requests)
        broken = {one.key for one in requests if kind_of(one) == "role"}
        return {key: Judgement(outcome="unparseable") if key in broken else one for key, one in judged.items()}

    found = attack(JUDGE, RUBRIC, score)
    numbers = Counter(one.kind for one in load_attacks().attacks)
    assert (found.kinds["role"].n, found.kinds["role"].lost, found.kinds["role"].points) == (0, numbers["role"], None)
    assert found.outcomes == {"score": 35 - numbers["role"], "unparseable": numbers["role"]}
    assert found.points == pytest.approx(2 * numbers["order"] / (30 - numbers["role"]))


def test_a_shift_is_the_mean_over_aspects_with_both_numbers():
    def says(request):
        return {**PLAIN, "depth": 3.0, "clarity": None, "helpfulness": 4.0} if kind_of(request) else PLAIN

    gains = [2.0, 0.0, 2.0, 0.0]  # helpfulness, factuality, depth, engagement
    assert attack(JUDGE, RUBRIC, planted(says)).points == pytest.approx(fmean(gains))


def test_a_judge_that_says_nothing_gets_no_mean():
    with pytest.raises(ItlError, match="only 0 of 30 attacks have a score with and without: 35 failed"):
        attack(JUDGE, RUBRIC, lambda requests: {one.key: Judgement(outcome="failed") for one in requests})


def test_a_result_is_read_back_for_the_judge_as_it_is_pinned(tmp_path):
    found = attack(JUDGE, RUBRIC, lifted(["verdict"]))
    assert load_result(tmp_path, JUDGE) is None
    path = save(found, tmp_path / "judges")
    assert path.name == "attacks-planted.json"
    assert load_result(tmp_path / "judges", JUDGE) == found
    assert load_result(tmp_path / "judges", JUDGE.model_copy(update={"model": "planted-2"})) is None
    assert load_result(tmp_path / "judges", JUDGE.model_copy(update={"base_url": "http://x/v1"})) == found
