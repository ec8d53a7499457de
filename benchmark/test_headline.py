"""The paper's headline, and claims beyond it: other ways to ask the same, and what the paper leaves out."""

from itl_bench.plugin import claims


@claims("C27")
def test_headline(case, evidence):
    evidence.verdict(case).check()


@claims("X01", "X02", "X03", "X04", "X05", "X06", "X07", "X08", "X09", "X10")
def test_claims_beyond_the_paper(case, evidence):
    evidence.verdict(case).check()
