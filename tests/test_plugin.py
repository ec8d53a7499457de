"""Runs of the benchmark from outside: outcomes, words, exit codes, one record whatever the workers."""

import xml.etree.ElementTree as ElementTree

import pytest
import yaml

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from tests.helpers.running import run

C09 = "C09-published-llama7b-tulu-1k-vs-medinstruct-52k-lora-vs-full-medinstruct-test-aspects"


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    junit = folder / "junit.xml"
    return run(folder / "reports", "--itl-profile", "published", f"--junitxml={junit}", "-v")


@pytest.fixture(scope="module")
def expected(audit, tmp_path_factory):
    """The audit's verdicts, recorded by the command."""
    import subprocess
    import sys

    path = tmp_path_factory.mktemp("expected") / "expected.yaml"
    record = audit.folder / "latest" / "record.json"
    code = "from itl_bench.cli import main; main()"
    command = [sys.executable, "-c", code, "baseline", "accept", str(record), "--to", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def test_a_refuted_claim_fails_the_run(audit):
    assert audit.code == 1
    assert "REFUTED" in audit.verdicts.values()


def test_the_words_are_the_verdicts_own(audit):
    for verdict in ("SUPPORTED", "REFUTED", "INCONCLUSIVE"):
        assert f"] {verdict} " in audit.text
    last = audit.text.strip().splitlines()[-1]
    counts = {word: list(audit.verdicts.values()).count(word.upper()) for word in ("supported", "refuted")}
    for word, count in counts.items():
        assert f"{count} {word}" in last
    assert "passed" not in last
    assert "failed" not in last
    assert "xfailed" not in last


def test_a_contradiction_shows_both_numbers(audit):
    table = audit.text[audit.text.index(f"\n{C09}\nREFUTED") :]
    assert "helpfulness            4.21     4.38    -0.17" in table


def test_the_record_holds_every_published_case_in_the_order_of_the_grid(audit):
    declared = [case.id for case in build_grid(load_catalog()) if case.evidence == "published"]
    assert [case["id"] for case in audit.record["cases"]] == declared


def test_junit_carries_verdict_and_recorded_verdict(audit):
    root = ElementTree.parse(audit.folder.parent / "junit.xml")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    case = next(case for name, case in cases.items() if C09 in name)
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties == {"verdict": "REFUTED", "recorded_verdict": ""}
    assert "4.38" in case.find("failure").text


def without_run(record):
    return {key: value for key, value in record.items() if key != "run"}


def test_workers_change_nothing_but_the_run(audit, tmp_path):
    parallel = run(tmp_path, "--itl-profile", "published", "-n", "2", "-q")
    assert parallel.code == 1
    assert without_run(parallel.record) == without_run(audit.record)
    assert parallel.record["run"]["options"]["workers"] == "2"


def test_a_selection_changes_no_verdict_and_no_family(audit, tmp_path):
    some = run(tmp_path, "--itl-profile", "published", "-k", "C03", "-q")
    assert some.verdicts == {key: value for key, value in audit.verdicts.items() if key.startswith("C03")}
    claims = [{one["id"]: one for one in record["claims"]} for record in (some.record, audit.record)]
    assert claims[0]["C03"] == claims[1]["C03"]
    assert claims[0]["C01"]["missing"] == claims[0]["C01"]["members"] == claims[1]["C01"]["members"]
    assert "verdict" not in claims[0]["C01"]


def test_as_recorded_passes_and_says_so(expected, tmp_path):
    again = run(tmp_path, "--itl-profile", "published", "--itl-expect", expected, "-v", "-k", "C09 or C24")
    assert again.code == 0
    assert "REFUTED as recorded" in again.text
    assert "passed" not in again.text
    assert {case["recorded_status"] for case in again.record["cases"]} == {"as-recorded"}


def edited(expected, tmp_path, **changes):
    data = yaml.safe_load(expected.read_text(encoding="utf-8"))
    data["cases"][C09] |= changes
    path = tmp_path / "edited.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_a_change_fails_and_names_both_verdicts(expected, tmp_path):
    path = edited(expected, tmp_path, verdict="SUPPORTED", effect=1.0, ci_low=0.9, ci_high=1.1)
    changed = run(tmp_path / "r", "--itl-profile", "published", "--itl-expect", path, "-v", "-k", C09)
    assert changed.code == 1
    assert "CHANGED to REFUTED from SUPPORTED" in changed.text
    assert "1 changed" in changed.text


def test_a_published_verdict_never_drifts(expected, tmp_path):
    """The tables are fixed: another verdict inside the prediction interval comes from the code or the margin."""
    path = edited(expected, tmp_path, verdict="INCONCLUSIVE")
    result = run(tmp_path / "r", "--itl-profile", "published", "--itl-expect", path, "-k", C09)
    assert result.code == 1
    assert f"changed: {C09} is REFUTED, recorded was INCONCLUSIVE" in result.text


def test_a_recorded_case_that_is_gone_fails(expected, tmp_path):
    data = yaml.safe_load(expected.read_text(encoding="utf-8"))
    data["cases"]["C09-published-gone"] = data["cases"][C09]
    path = tmp_path / "more.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    result = run(tmp_path / "r", "--itl-profile", "published", "--itl-expect", path, "-k", C09)
    assert result.code == 1
    assert "gone: C09-published-gone" in result.text
    assert "1 verdicts as recorded" in result.text


def test_a_refuted_case_without_recorded_verdict_fails(expected, tmp_path):
    data = yaml.safe_load(expected.read_text(encoding="utf-8"))
    del data["cases"][C09]
    path = tmp_path / "without.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert run(tmp_path / "r", "--itl-profile", "published", "--itl-expect", path, "-k", C09).code == 1


@pytest.mark.parametrize(
    ("choice", "code", "word"), [("xfail", 0, "in words"), ("skip", 0, "in words"), ("fail", 1, "INCONCLUSIVE:")]
)
def test_inconclusive_ends_as_asked(tmp_path, choice, code, word):
    result = run(tmp_path, "--itl-profile", "published", "--itl-inconclusive", choice, "-k", "C06")
    assert result.code == code
    assert "1 inconclusive" in result.text
    assert word in result.text
    assert list(result.verdicts.values()) == ["INCONCLUSIVE"]


def test_measured_cases_are_skipped_with_what_they_need(tmp_path):
    result = run(tmp_path, "-k", "llama7b and C09 or (bios1m and C10a and fair)", "-rs", "-q")
    assert result.code == 1
    reasons = {case["id"]: case["reason"] for case in result.record["cases"] if not case.get("verdict")}
    paper = next(reason for key, reason in reasons.items() if "llama7b" in key)
    for word in (
        "not run",
        "GB",
        "GPU-hours",
        "meta-llama/Llama-2-7b-hf",
        "allenai/tulu-v2-sft-mixture",
        "OPENAI_API_KEY",
    ):
        assert word in paper
        assert word in result.text
    assert any("bios1m" in key for key in reasons)
    assert C09 in result.verdicts
