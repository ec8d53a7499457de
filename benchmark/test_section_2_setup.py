"""Section 2: choices of the study that it states as findings."""

from itl_bench.plugin import claims


@claims("C12", "C26")
def test_choices_of_the_study(case, evidence):
    evidence.verdict(case).check()
