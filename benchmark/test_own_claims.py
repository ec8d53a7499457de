"""Claims that only your own folder declares (`--itl-cases`)."""

from itl_bench.plugin import claims


@claims(own=True)
def test_claims_of_an_own_folder(case, evidence):
    evidence.verdict(case).check()
