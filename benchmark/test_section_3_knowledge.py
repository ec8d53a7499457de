"""Section 3: what tuning does to the token distributions, and to answers."""

from itl_bench.plugin import claims


@claims("C01", "C02", "C03", "C04", "C05", "C06")
def test_shift_of_token_distributions(case, evidence):
    evidence.verdict(case).check()


@claims("C07", "C08", "C09", "C10a", "C10b", "C11")
def test_tuning_and_answers(case, evidence):
    evidence.verdict(case).check()
