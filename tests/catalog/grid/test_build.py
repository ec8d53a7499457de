import subprocess
import sys
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path

import pytest
import yaml

from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile, named_cases
from itl_bench.catalog.loading import load_catalog
from itl_bench.errors import UsageError
from itl_bench.vocabulary import ARMS
from tests.helpers.shipped_catalog import CASES, catalog, grid, listed

OWN = [f"X{n:02}" for n in range(1, 11)]
CLAIMS = [f"C{n:02}" for n in range(1, 28) if n != 10] + ["C10a", "C10b", *OWN]
LEVEL = {model["id"]: model["level"] for model in listed("models")}
PROBES = {probe["id"]: probe["levels"] for probe in listed("probes")}
RAN = [case for case in grid().values() if case.evidence != "published"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_has_a_case(claim):
    assert [key for key in grid() if key.startswith(f"{claim}-")]


def test_there_are_no_other_claims():
    assert {case.claim.id for case in grid().values()} == set(CLAIMS)


def test_ids_are_unique_and_the_order_is_the_same_each_time():
    first, second = ([case.id for case in build_grid(load_catalog())] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)


def test_an_id_does_not_depend_on_the_seed_of_hashes():
    """Sets iterate in another order in another process."""
    code = "from itl_bench.catalog.loading import load_catalog; from itl_bench.catalog.grid.build import build_grid;"
    code += "print('\\n'.join(case.id for case in build_grid(load_catalog())))"
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": s}
        )
        for s in "12"
    ]
    assert outputs[0].stdout.split() == outputs[1].stdout.split() == list(grid())


@pytest.mark.parametrize("claim", CLAIMS)
def test_an_id_holds_claim_evidence_model_dataset_method_and_arm(claim):
    for key, case in grid().items():
        if case.claim.id == claim:
            assert key.startswith(f"{claim}-{case.evidence}")
            assert all(word in key for word in (case.model, case.dataset, case.method))
            assert case.evidence == "published" or key.endswith(f"-{case.arm}")
            assert not [bad for bad in ("--", " ", "None", "[", "]", "::") if bad in key]


def test_every_measured_case_stands_in_the_arms_that_its_claim_declares():
    arms = {}
    for case in RAN:
        arms.setdefault(case.id.removesuffix(f"-{case.arm}"), set()).add(case.arm)
    rate = {"shared-rate", "fair"}
    assert {frozenset(found) for key, found in arms.items() if not key.startswith(("C01", "C10", "C17", "C19"))} == {
        frozenset(rate)
    }
    assert {frozenset(found) for key, found in arms.items() if key.startswith("C19") and "attributed" not in key} == {
        frozenset({*rate, "equal-learning"})
    }


@pytest.mark.parametrize(
    ("claim", "role", "datasets", "methods", "measures"),
    [
        ("C07", "sanity", {"bios-new20-sized-4k-vs-1k"}, {"lora"}, {"knowledge"}),
        ("C08", "evidence", {"bios-new20-sized-1k-vs-bios-new20-sized-4k"}, {"lora-vs-full"}, {"knowledge"}),
        (
            "C17",
            "evidence",
            {"bios-new30-simple-vs-bios-new30-padded"},
            {"lora", "full"},
            {"knowledge", "value-precision"},
        ),
    ],
)
def test_claims_about_data_are_asked_in_the_bios_world(claim, role, datasets, methods, measures):
    arms = "shared-rate", "fair"
    found = [case for case in RAN if case.claim.id == claim and case.level == "bios" and case.arm in arms]
    points = {(case.dataset, case.method, case.measure.measure, case.arm) for case in found}
    assert points == set(product(datasets, methods, measures, arms))
    assert len(found) == len(points)
    assert {case.claim.role_at(case.level) for case in found} == {role}


def test_medical_data_are_asked_medical_questions_alone():
    medical = [case for case in RAN if "medinstruct" in case.dataset]
    assert medical
    assert {case.probe for case in medical} == {"medinstruct-test"}


def test_a_world_stays_with_its_models():
    for case in RAN:
        for world, levels in (("bios", {"bios"}), ("atlas", {"small", "paper"})):
            if case.dataset.startswith(world) or case.probe.startswith(world):
                assert {LEVEL[model] for model in case.models} <= levels, case.id
        assert case.model != "bios1m" or case.dataset.startswith(("bios", "all-"))


def test_a_probe_exists_at_the_level_of_the_model():
    for case in RAN:
        for probe in case.probe.split("-vs-"):
            assert {LEVEL[model] for model in case.models} <= set(PROBES[probe]), case.id
        assert case.level == LEVEL[case.models[-1]]


def test_chat_rows_are_asked_of_models_that_have_one():
    chat = {model["id"] for model in listed("models") if "chat" in model}
    found = {case.model for case in RAN if "chat" in (case.left.method, case.right.method)}
    assert found == chat


@pytest.mark.parametrize("word", ["llama7b", "phi1.5", "medinstruct", "neftune", "C10a"])
def test_k_selects_the_cases_whose_id_holds_the_word(word):
    root = CASES.parent
    command = [
        sys.executable,
        "-m",
        "pytest",
        "benchmark",
        "--collect-only",
        "-q",
        "-k",
        word,
        "-p",
        "no:cacheprovider",
    ]
    lines = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.splitlines()
    selected = [line.split("[", 1)[1].removesuffix("]") for line in lines if "[" in line and "::" in line]
    assert sorted(selected) == sorted(key for key in grid() if word.lower() in key.lower())


PROFILES = {
    "published": (set(), set(), {"published"}),
    "smoke": ({"bios"}, {"shared-rate"}, {"published", "measured"}),
    "embedded": ({"bios"}, {"shared-rate"}, {"published", "measured"}),
    "bios-full": ({"bios"}, set(ARMS), {"published", "measured"}),
    "small-quick": ({"small"}, {"shared-rate"}, {"measured"}),
    "small": ({"small"}, set(ARMS), {"measured"}),
    "paper": ({"paper"}, set(ARMS) - {"equal-learning"}, {"published", "measured", "expert"}),
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_holds_the_published_cases_and_those_of_its_levels_and_arms(name):
    levels, arms, evidence = PROFILES[name]
    chosen = [case for case in grid().values() if in_profile(case, find_profile(catalog(), name), catalog())]
    ran = [case for case in chosen if case.evidence != "published"]
    assert {case.evidence for case in chosen} == evidence
    assert ({case.level for case in ran}, {case.arm for case in ran}) == (levels, arms)
    expected = [case for case in RAN if case.level in levels and case.arm in arms]
    if not any(table.profile == name for table in catalog().cells.values()):
        assert ran == expected
    assert {case.id for case in ran} <= {case.id for case in expected}
    assert len(chosen) - len(ran) == (len(grid()) - len(RAN) if "published" in evidence else 0)


def test_without_a_profile_every_case_is_in():
    assert all(in_profile(case, None, catalog()) for case in grid().values())
    with pytest.raises(UsageError, match="did you mean 'small'"):
        find_profile(catalog(), "smal")


@pytest.mark.parametrize("mechanism", ["M1", "M2", "M3"])
def test_the_patterns_of_a_mechanism_match_cases(mechanism):
    spec = catalog().mechanisms[mechanism]
    assert all(any(fnmatchcase(key, pattern) for key in grid()) for pattern in spec.cases)
    found = named_cases(spec.cases, grid())
    assert set(found) == {key for key in grid() for pattern in spec.cases if fnmatchcase(key, pattern)}
    assert {key.split("-")[0] for key in found} == {pattern.split("-")[0] for pattern in spec.cases}


@pytest.mark.parametrize("mechanism", ["M1", "M2", "M3"])
def test_a_headline_is_asked_by_one_published_case_and_once_in_an_arm_of_a_cell(mechanism):
    headline = catalog().mechanisms[mechanism].headline
    cases = [grid()[key] for key in named_cases(headline.cases, grid())]
    assert sum(case.evidence == "published" for case in cases) == 1
    asked = [(case.model, case.dataset, case.arm, case.along) for case in cases if case.evidence != "published"]
    assert len(set(asked)) == len(asked)
    assert {arm for model, _, arm, _ in asked if model == "bios1m"} >= {"shared-rate", "fair"}


def own(folder: Path, **files):
    for name, entries in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    return {case.id: case for case in build_grid(load_catalog(own=folder))}


def test_a_model_of_ones_own_adds_cases_and_removes_none(tmp_path):
    entry = {"id": "tiny9b", "title": "Tiny", "level": "paper", "parameters": 9, "weights": {"folder": "tiny"}}
    cases = own(tmp_path, models=[entry])
    added = set(cases) - set(grid())
    assert set(grid()) <= set(cases)
    assert added == {key for key in cases if "tiny9b" in key}
    phi = {key.replace("phi1.5", "tiny9b") for key, case in grid().items()
           if case.model == "phi1.5" and case.evidence != "published" and case.claim.id != "C26"}  # fmt: skip
    assert added == phi


def test_a_dataset_of_ones_own_adds_cases_and_removes_none(tmp_path):
    entry = {"name": "mine", "title": "Mine", "family": "mine", "levels": ["paper"], "source": "a file",
             "mean_tokens": 100, "probes": ["just-eval"], "sizes": {"1k": 1000, "2k": 2000}}  # fmt: skip
    cases = own(tmp_path, datasets=[entry])
    assert set(grid()) < set(cases)
    assert {case.probe for key, case in cases.items() if key not in grid()} == {"just-eval"}
    assert "C07-measured-llama7b-mine-2k-vs-1k-lora-just-eval-aspects-fair" in cases
    assert not [key for key in cases if "mine-sizes" in key]  # a trend needs three sizes
