"""The paper's headline, and claims beyond it: the signature of failure, C05 in absolute terms, C17 by task."""

from itl_bench.plugin import claims


@claims("C27")
def test_headline(case, evidence):
    evidence.verdict(case).check()


@claims("X01", "X02", "X03", "X05")
def test_claims_beyond_the_paper(case, evidence):
    evidence.verdict(case).check()
