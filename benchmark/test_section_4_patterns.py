"""Section 4: copying the patterns of responses."""

from itl_bench.plugin import claims


@claims("C13", "C14", "C15", "C16", "C17")
def test_copied_response_patterns(case, evidence):
    evidence.verdict(case).check()
