"""The paper's headline, and claims of our own: the signature of failure, and C05 in absolute terms."""

from itl_bench.plugin import claims


@claims("C27")
def test_headline(case, evidence):
    evidence.verdict(case).check()


@claims("X01", "X02")
def test_own_claims(case, evidence):
    evidence.verdict(case).check()
