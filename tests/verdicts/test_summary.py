import pytest
from statsmodels.stats.multitest import multipletests

from itl_bench.verdicts.facts import not_run_record
from itl_bench.verdicts.summary import families, summarise
from tests.helpers.shipped_catalog import catalog, grid, records

DECLARED = list(grid().values())
C07 = [case for case in DECLARED if case.id.startswith("C07-published")]


def decided(*outcomes, basis="interval"):
    """Records of the first members of C07's published family: (verdict, p)."""
    found = {}
    for case, (verdict, p_value) in zip(C07, outcomes, strict=False):
        update = {"verdict": verdict, "p_value": p_value, "basis": basis, "effect": 0.5}
        found[case.id] = not_run_record(case, catalog(), "made up").model_copy(update=update)
    return found


def summary(found):
    (one,) = summarise(C07, found, catalog())
    return one


def test_the_family_has_as_many_members_as_datasets_with_several_sizes():
    assert len(C07) == 3 + 3 + 3 + 2 + 2


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([("SUPPORTED", 0.04)] * 13, "SUPPORTED"),
        ([("SUPPORTED", 0.04)] * 12, None),
        ([("SUPPORTED", 0.04)] * 12 + [("INCONCLUSIVE", 0.5)], "INCONCLUSIVE"),
        ([("SUPPORTED", 0.001)] * 12 + [("REFUTED", 0.001)], "REFUTED"),
        ([("REFUTED", 0.05 / 13)], "REFUTED"),
        ([("REFUTED", 0.05 / 12)], None),  # the missing twelve count as p = 1
        ([("REFUTED", 0.02)] + [("SUPPORTED", 0.02)] * 12, "INCONCLUSIVE"),
        ([("REFUTED", None)], "REFUTED"),
        ([("SUPPORTED", None)] * 13, "SUPPORTED"),
        ([("INCONCLUSIVE", 1e-9)], None),
        ([("INCONCLUSIVE", 1e-9)] * 13, "INCONCLUSIVE"),
        ([], None),
        ([(None, None)] * 13, None),
    ],
)
def test_the_verdict_of_a_claim(outcomes, verdict):
    assert summary(decided(*outcomes)).verdict == verdict


def test_holm_counts_missing_members_as_one():
    values = [0.001, 0.03, 0.004, 0.2, 0.004]
    found = decided(*(("SUPPORTED", p) for p in values))
    expected = multipletests(values + [1.0] * (len(C07) - len(values)), method="holm")[1]
    one = summary(found)
    assert list(one.holm) == [case.id for case in C07[: len(values)]]
    assert list(one.holm.values()) == pytest.approx(expected[: len(values)])
    assert (one.members, one.missing, one.supported) == (13, 8, 5)


def test_holm_of_every_published_family():
    for one in summarise(DECLARED, records(), catalog()):
        if one.evidence == "published":
            members = [key for key, record in records().items() if record.claim == one.id and "all-models" not in key]
            directional = [records()[key].verdict != "INCONCLUSIVE" for key in members]
            values = [records()[key].p_value if so else None for key, so in zip(members, directional, strict=True)]
            adjusted = multipletests([1.0 if p is None else p for p in values], method="holm")[1]
            expected = {key: p for key, p, raw in zip(members, adjusted, values, strict=True) if raw is not None}
            assert one.holm == pytest.approx(expected)
            counts = [records()[key].verdict for key in members]
            assert (one.supported, one.refuted) == (counts.count("SUPPORTED"), counts.count("REFUTED"))
            assert (one.members, one.missing) == (len(members), 0)


@pytest.mark.parametrize("word", ["llama7b", "tulu", "C07", "nothing"])
def test_a_selection_changes_no_family(word):
    def of_family(one):
        return one.id, one.evidence, one.level, one.arm, one.text, one.along

    full = {of_family(one): one for one in summarise(DECLARED, records(), catalog())}
    some = {key: record for key, record in records().items() if word in key}
    for one in summarise(DECLARED, some, catalog()):
        whole = full.pop(of_family(one))
        assert one.members == whole.members
        assert all(one.holm[key] >= whole.holm[key] for key in one.holm)
        if one.evidence == "published":
            chosen = [key for key, record in some.items() if record.claim == one.id and "all-models" not in key]
            assert one.missing == one.members - len(chosen)
    assert not full


def test_a_family_is_a_claim_with_one_evidence_level_arm_and_text():
    groups = families(DECLARED)
    pooled = [case for case in DECLARED if case.model == "all-models"]  # they would count the others' rows twice
    assert len(pooled) == 2
    assert sum(map(len, groups.values())) == len(DECLARED) - len(pooled)
    for family, members in groups.items():
        shared = {(one.claim.id, one.evidence, one.level, one.arm, one.text, one.along) for one in members}
        assert shared == {tuple(family)}


@pytest.mark.parametrize("claim", ["C07", "C15"])
def test_what_a_world_makes_true_is_sanity_there_and_evidence_elsewhere(claim):
    roles = {one.level: one.role for one in summarise(DECLARED, {}, catalog()) if one.id == claim}
    assert roles.pop("bios") == "sanity"
    assert {"published", "paper"} <= roles.keys()
    assert set(roles.values()) == {"evidence"}
    others = {one.role for one in summarise(DECLARED, {}, catalog()) if one.id not in ("C07", "C15", "C27")}
    assert others == {"evidence"}


def test_known_and_taught_facts_of_atlas_are_a_sanity_check_and_those_of_bios_are_evidence():
    roles = {one.level: one.role for one in summarise(DECLARED, {}, catalog()) if one.id == "C27"}
    assert (roles["bios"], roles["small"], roles["paper"]) == ("evidence", "sanity", "sanity")


@pytest.mark.parametrize(("models", "says"), [(1, "one base model"), (3, "3 base models"), (5, "5 base models")])
def test_few_models_are_named(models, says):
    chosen = list(dict.fromkeys(case.model for case in C07))[:models]
    found = {key: record for key, record in records().items() if key.startswith("C07") and record.model in chosen}
    note = summary(found).note
    assert says in note
    assert "too few" in note


def test_members_without_a_p_are_counted_in_the_note():
    cases = [case for case in DECLARED if case.id.startswith("X02-published")]
    (one,) = summarise(cases, records(), catalog())
    assert (one.verdict, one.refuted, one.holm) == ("REFUTED", 4, {})
    assert "4 read off a figure" in one.note


def test_the_basis_says_when_a_verdict_rests_on_single_runs():
    found = {one.id: one for one in summarise(DECLARED, records(), catalog()) if one.evidence == "published"}
    assert found["C01"].basis == "interval"
    assert found["C05"].basis == found["C09"].basis == found["X02"].basis == "point"
    assert found["C02"].basis is None
