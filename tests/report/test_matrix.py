from collections import Counter

from itl_bench.report.grouping import (
    MechanismCase,
    claim_groups,
    compared_columns,
    deciding_name,
    mechanism_cases,
    not_run_groups,
    speaks_of,
)
from itl_bench.report.matrix import claim_key, evidence_matrix, pooling, totals
from tests.helpers.sample_record import case, column, family, record, sample, sample_cases


def test_cells_agree_with_a_plain_loop():
    sampled = sample()
    expected = Counter()
    for one in sampled.cases:
        if one.role == "evidence":
            expected[one.claim, one.level, one.model, one.verdict] += 1
    matrix = evidence_matrix(sampled)
    found = Counter()
    for row in matrix.rows:
        for place, counts in zip(matrix.columns, row.cells, strict=True):
            for verdict, many in (*counts.by_verdict(), (None, counts.not_run)):
                found[row.claim, place.level, place.model, verdict] += many
    assert +found == expected


def test_rows_follow_the_paper_and_columns_the_levels():
    models = {"X01": "all-models", "C27": "llama70b", "C10b": "llama13b", "C02": "llama7b", "C10a": "mistral7b"}
    cases = [case(f"id-{claim}", claim, model=model) for claim, model in models.items()]
    matrix = evidence_matrix(record([*cases, case("b", level="bios", evidence="measured", model="bios1m")], []))
    assert [row.claim for row in matrix.rows] == ["C02", "C10a", "C10b", "C27", "X01"]
    assert [column.title for column in matrix.columns] == [
        "llama7b", "llama13b", "llama70b", "mistral7b", "all models", "bios1m",
    ]  # fmt: skip
    assert matrix.levels() == (("published", 5), ("bios", 1))


def test_a_claim_without_cases_keeps_its_row():
    assert [row.claim for row in evidence_matrix(record([], [family("C10a")])).rows] == ["C10a"]


def test_only_the_papers_claims_are_the_papers():
    cases = [case(f"id-{claim}", claim) for claim in ("C02", "X01", "zeta")]
    matrix = evidence_matrix(record(cases, []))
    assert [row.claim for row in matrix.papers] == ["C02"]
    assert [row.claim for row in matrix.own] == ["X01", "zeta"]
    assert [group.own for group in claim_groups(record(cases, []))] == [False, True, True]


def test_pooling_cases_are_counted_without_sanity():
    cases = [case(), case("b", model="all-models"), case("c", model="all-models", role="sanity")]
    assert pooling(record(cases, [])) == 1


def test_the_deciding_column_is_named_where_it_is_known():
    assert deciding_name(case(columns=(column("depth"), column("clarity")), deciding_column="clarity")) == "clarity"
    assert deciding_name(case(columns=(column("depth"),), deciding_column=None)) == "depth"
    assert deciding_name(case(columns=(column("depth"), column("clarity")), deciding_column=None)) == ""
    assert deciding_name(case(effect=None)) == ""


def test_unknown_claim_names_come_last():
    assert sorted(["zeta", "X02", "C9", "C10"], key=claim_key) == ["C9", "C10", "X02", "zeta"]


def test_sanity_cases_are_apart_and_count_in_no_summary():
    sampled = sample()
    evidence = [one for one in sampled.cases if one.role == "evidence"]
    assert totals(sampled).total == len(evidence) < len(sampled.cases)
    sanity = evidence_matrix(sampled, "sanity")
    assert [row.claim for row in sanity.rows] == ["C02"]
    assert [counts.supported for row in sanity.rows for counts in row.cells] == [1]


def test_claim_groups_hold_every_case_once():
    sampled = sample()
    grouped = [
        one.id
        for group in claim_groups(sampled)
        for one in (*group.with_verdict, *(member for reason in group.not_run for member in reason.cases))
    ]
    assert sorted(grouped) == sorted(one.id for one in sampled.cases)


def test_reasons_that_differ_in_numbers_only_are_one_group():
    reasons = ["needs 28 GB", "needs a key", "needs 140.5 GB", "needs 28 GB"]
    groups = not_run_groups(case(f"id-{index}", verdict=None, reason=reason) for index, reason in enumerate(reasons))
    assert [(group.reason, group.varies, len(group.cases)) for group in groups] == [
        ("needs 28 GB", True, 3),
        ("needs a key", False, 1),
    ]


def test_a_case_without_columns_is_its_own_column():
    trend = next(one for one in sample_cases() if one.id == "C07-bios1m-shared-rate")
    (own,) = compared_columns(trend)
    assert (own.effect, own.ci_low, own.ci_high) == (trend.effect, trend.ci_low, trend.ci_high)
    assert compared_columns(case(verdict=None)) == ()


def test_mechanisms_find_their_cases():
    sampled = sample()
    found = mechanism_cases(sampled, sampled.mechanisms[0])
    assert [member.case and member.case.verdict for member in found] == ["SUPPORTED", "INCONCLUSIVE", None]
    assert speaks_of(found) == "1 supported, 1 inconclusive: none speaks against it"
    refuted = [MechanismCase("x", case(verdict="REFUTED")), MechanismCase("y", case(verdict="REFUTED", role="sanity"))]
    assert speaks_of([*found, *refuted]) == "1 supported, 1 refuted, 1 inconclusive: 1 of 3 cases speak against it"
    assert speaks_of([found[2], refuted[1]]) == ""
