"""Section 5: hallucination, and where wrong statements come from."""

from itl_bench.plugin import claims


@claims("C18", "C19", "C20", "C21", "C22")
def test_hallucination_and_borrowing(case, evidence):
    evidence.verdict(case).check()
