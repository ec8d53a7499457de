"""Section 6: filtered data, evolved data and NEFTune."""

from itl_bench.plugin import claims


@claims("C23", "C24", "C25")
def test_improvement_methods(case, evidence):
    evidence.verdict(case).check()
