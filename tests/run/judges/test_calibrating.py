"""A judge held against recorded judgements: its own replies agree wholly, and planted biases are found."""

import re

import numpy as np
import pytest

from itl_bench.errors import UsageError
from itl_bench.measures.judge import Judge
from itl_bench.measures.rubric import ASPECTS, load_rubric
from itl_bench.run.judges.calibrating import calibrate, in_lines, replaying
from itl_bench.run.judges.reference import read_reference
from itl_bench.stages.judges.judgement import Judgement
from tests.helpers.recorded_judgements import line, planted, random_lines, write_reference

RUBRIC = load_rubric("aspects-1")
JUDGE = Judge(id="planted", model="planted-1", longest_answer=9)


@pytest.fixture
def recorded(tmp_path):
    return read_reference(write_reference(tmp_path / "r.jsonl", random_lines(200)), RUBRIC)


def scores_by_number(recorded):
    """The reference by the number in the question, which a judge reads in what it is asked."""
    return {re.findall(r"\d+", one.instruction)[0]: one.scores for one in recorded}


def number_in(request):
    return re.search(r"Question (\d+)\?", request.text)[1]


def test_its_own_replies_agree_wholly(recorded):
    found = calibrate(recorded, JUDGE, RUBRIC, replaying(recorded, JUDGE, RUBRIC))
    for aspect in found.aspects.values():
        assert (aspect.n, aspect.na_reference, aspect.na_judge) == (198, 2, 2)
        assert aspect.agreement.bias.interval(0.95) == (0, 0)
        assert (aspect.agreement.kappa, aspect.agreement.exact) == (1, 1)
        assert aspect.agreement.spearman == pytest.approx(1)
        assert (aspect.agreement.line.slope, aspect.agreement.line.error) == pytest.approx((1, 0))
    assert found.outcomes == {"score": 200}
    assert found.cut == 190  # "Answer 10." and what follows has more than 9 characters
    lines = list(in_lines(found))
    words = "helpfulness 198 2 2 +0.00 [+0.00, +0.00] 1.00 1.00 100% 0.00 + 1.00 judge (0.00)"
    assert " ".join(lines[1].split()) == words
    assert lines[-2:] == ["outcomes: 200 score, 0 na, 0 refusal, 0 unparseable, 0 failed", "190 answers were cut"]


def test_a_planted_bias_is_found_within_its_interval(recorded):
    known, generator = scores_by_number(recorded), np.random.default_rng(8)

    def says(request):
        scores = known[number_in(request)]
        noisy = {name: None if one is None else one + 0.4 * generator.standard_normal() for name, one in scores.items()}
        return {**noisy, "depth": None if noisy["depth"] is None else noisy["depth"] - 0.5}

    found = calibrate(recorded, JUDGE, RUBRIC, planted(says))
    low, high = found.aspects["depth"].agreement.bias.interval(0.95)
    assert low < -0.5 < high < 0
    for name in set(ASPECTS) - {"depth"}:
        low, high = found.aspects[name].agreement.bias.interval(0.99)
        assert low < 0 < high
        assert high - low < 0.2
    assert found.aspects["depth"].agreement.spearman > 0.9


def test_what_has_no_number_is_counted_and_no_zero(recorded):
    """Of 200 answers a quarter is judged, with N/A for depth; the others fail in one way each."""
    outcomes = ["score", "refusal", "unparseable", "failed"]
    known = scores_by_number(recorded)

    def score(requests):
        found = {}
        for one in requests:
            number = number_in(one)
            outcome = outcomes[int(number) % 4]
            scores = {**known[number], "depth": None} if outcome == "score" else {}
            found[one.key] = Judgement(outcome=outcome, scores=scores)
        return found

    found = calibrate(recorded, JUDGE, RUBRIC, score)
    assert found.outcomes == dict.fromkeys(outcomes, 50)
    assert (found.aspects["depth"].n, found.aspects["depth"].na_judge) == (0, 50)
    assert found.aspects["depth"].agreement is None
    assert found.aspects["clarity"].n == 50
    assert found.aspects["clarity"].agreement.exact == 1
    assert "fewer than 3 answers with a number from both" in list(in_lines(found))[4]


def test_replies_that_are_not_there_are_not_replayed(tmp_path):
    scores = dict.fromkeys(ASPECTS, "5")
    lines = [line(1, scores), {name: value for name, value in line(2, scores).items() if name != "result"}]
    recorded = read_reference(write_reference(tmp_path / "r.jsonl", lines), RUBRIC)
    with pytest.raises(UsageError, match="the reference lacks replies to serve; each line needs 'result'"):
        replaying(recorded, JUDGE, RUBRIC)
