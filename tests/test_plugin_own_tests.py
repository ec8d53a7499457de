"""A user's own tests, plans, crashes, interrupts and wrong options."""

import json

import pytest

from tests.helpers.running import run

THREE_LINES = "from itl_bench.plugin import claims\n@claims({claims})\ndef test_mine(case, evidence): {body}\n"
CHECK = "evidence.verdict(case).check()"


def own(tmp_path, body=CHECK, claims='"C09"'):
    path = tmp_path / "own" / "test_own.py"
    path.parent.mkdir()
    path.write_text(THREE_LINES.format(claims=claims, body=body), encoding="utf-8")
    return path.parent


def test_three_lines_outside_the_repository_ask_for_a_verdict(tmp_path):
    result = run(tmp_path / "r", "-k", "published", tests=own(tmp_path))
    assert result.code == 1
    assert sorted(result.verdicts.values()) == ["INCONCLUSIVE", "REFUTED"]


def test_a_crash_is_an_error_and_never_a_verdict(tmp_path):
    result = run(tmp_path / "r", "-k", "published", "-v", tests=own(tmp_path, "evidence.verdict(case); 1 / 0"))
    assert result.code == 3
    assert "ZeroDivisionError" in result.text
    assert "2 error" in result.text
    assert result.record["cases"] == []
    assert len(result.record["run"]["crashed"]) == 2


def test_a_worker_that_dies_is_a_crash(tmp_path):
    body = "evidence.verdict(case).check() if 'llama70b' in case.id else __import__('os')._exit(3)"
    result = run(tmp_path / "r", "-k", "published", "-n", "2", tests=own(tmp_path, body))
    assert result.code == 3
    assert list(result.verdicts.values()) == ["INCONCLUSIVE"]
    assert len(result.record["run"]["crashed"]) == 1


def test_a_crash_after_the_verdict_takes_it_back(tmp_path):
    folder = own(tmp_path)
    teardown = "import pytest\n@pytest.fixture(autouse=True)\ndef after():\n    yield\n    1 / 0\n"
    (folder / "conftest.py").write_text(teardown, encoding="utf-8")
    result = run(tmp_path / "r", "-k", "published and llama7b", tests=folder)
    assert result.code == 3
    assert result.record["cases"] == []


def test_an_assertion_of_ones_own_fails_and_keeps_the_verdict(tmp_path):
    body = "assert evidence.verdict(case).verdict == 'SUPPORTED'"
    result = run(tmp_path / "r", "-k", "published and llama7b", "-v", tests=own(tmp_path, body))
    assert result.code == 1
    assert "FAILED on REFUTED" in result.text
    assert "AssertionError" in result.text
    assert list(result.verdicts.values()) == ["REFUTED"]


def test_a_test_of_a_claims_class_without_a_case_runs(tmp_path):
    folder = own(tmp_path)
    lines = ["from itl_bench.plugin import claims", "@claims('C09')", "class TestMine:"]
    text = "\n".join([*lines, "    def test_helper(self): assert 1 == 2", ""])
    (folder / "test_own.py").write_text(text, encoding="utf-8")
    result = run(tmp_path / "r", tests=folder)
    assert result.code == 1
    assert "1 failed" in result.text


def test_a_claims_mark_without_claims_is_one_clear_message(tmp_path):
    result = run(tmp_path / "r", tests=own(tmp_path, claims=""))
    assert result.code == 2
    assert "name the claims, as in @claims('C01')" in result.text


def test_a_record_that_cannot_be_written_is_said(tmp_path):
    result = run("/proc/nowhere", "-k", "C06 and published", "--tb=no")
    assert result.code == 3
    assert "the record could not be written" in result.text


def test_numbers_that_carry_no_verdict_are_a_crash(tmp_path):
    body = "evidence.verdict(__import__('dataclasses').replace(case, published=None))"
    result = run(tmp_path / "r", "-k", "published and llama7b", tests=own(tmp_path, body))
    assert result.code == 3
    assert "EvidenceError" in result.text


def test_an_interrupt_keeps_what_was_decided(tmp_path):
    body = "evidence.verdict(case).check() if 'llama7b' in case.id else (_ for _ in ()).throw(KeyboardInterrupt)"
    result = run(tmp_path / "r", "-k", "published", tests=own(tmp_path, body))
    assert result.code == 2
    assert list(result.verdicts.values()) == ["REFUTED"]


def test_an_unknown_claim_is_one_clear_message(tmp_path):
    result = run(tmp_path / "r", tests=own(tmp_path, claims='"C10"'))
    assert result.code == 2
    assert "unknown claim 'C10'; did you mean 'C10" in result.text
    assert "Traceback" not in result.text
    assert "plugin.py" not in result.text


def test_a_test_without_cases_in_the_profile_is_deselected(tmp_path):
    result = run(tmp_path / "r", "--itl-profile", "published", tests=own(tmp_path, claims='"X01", "C06"'))
    assert len(result.verdicts) == 1
    only = own_second(tmp_path)
    result = run(tmp_path / "s", "--itl-profile", "published", tests=only)
    assert result.code == 5
    assert "1 deselected" in result.text


def own_second(tmp_path):
    path = tmp_path / "second" / "test_own.py"
    path.parent.mkdir()
    path.write_text(THREE_LINES.format(claims='"X01"', body=CHECK), encoding="utf-8")
    return path.parent


def test_a_plan_runs_nothing_and_writes_nothing(tmp_path):
    result = run(tmp_path / "r", "--itl-plan", "-q", "-k", "llama7b or bios1m")
    assert result.code == 0
    for word in ("llama7b", "bios1m", "GPU-hours", "judge USD"):
        assert word in result.text
    assert not (tmp_path / "r").exists()


def test_a_plan_ignores_workers(tmp_path):
    result = run(tmp_path / "r", "--itl-plan", "-q", "-k", "llama7b", "-n", "2")
    assert result.code == 0
    assert "GPU-hours" in result.text


def test_collecting_writes_nothing(tmp_path):
    assert run(tmp_path / "r", "--collect-only", "-q").code == 0
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--itl-profile", "smok"], "unknown profile 'smok'; did you mean 'smoke'?"),
        (["--itl-arm", "fare"], "unknown value 'fare'; did you mean 'fair'?"),
        (["--itl-inconclusive", "pass"], "--itl-inconclusive: unknown value 'pass'"),
        (["--itl-expect", "nowhere.yaml"], "no file nowhere.yaml; write one with `itl-bench baseline accept RECORD`"),
        (["--itl-cases", "nowhere"], "no catalog folder at nowhere"),
        (["--itl-report", __file__], "is a file; give a folder"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_wrong_option_is_one_clear_line(tmp_path, arguments, message, workers):
    folder = arguments[1] if arguments[0] == "--itl-report" else tmp_path / "r"
    result = run(folder, *([] if arguments[0] == "--itl-report" else arguments), "-n", workers)
    assert result.code == 4
    lines = [line for line in result.text.splitlines() if line.strip()]
    assert len(lines) == 1
    assert message in lines[0]


def test_own_models_join_the_grid(tmp_path):
    folder = tmp_path / "cases"
    folder.mkdir()
    model = {"id": "mymodel", "title": "My model", "level": "paper", "parameters": 10**9, "weights": {"folder": "mine"}}
    (folder / "models.yaml").write_text(json.dumps([model]), encoding="utf-8")
    result = run(tmp_path / "r", "--itl-cases", folder, "-k", "mymodel and C10a and just-eval and dolly-15k", "-q")
    assert result.code == 0
    assert {case["model"] for case in result.record["cases"]} == {"mymodel"}
    assert "mine" in result.record["cases"][0]["reason"]
    assert "set ITL_MODELS_DIR" in result.record["cases"][0]["reason"]


def test_own_claims_are_run_by_the_benchmark(tmp_path):
    from itl_bench.catalog.loading import shipped

    folder = tmp_path / "cases" / "claims"
    folder.mkdir(parents=True)
    (shipped_claim,) = shipped("cases").glob("claims/c09-*.yaml")
    text = shipped_claim.read_text(encoding="utf-8").replace("id: C09", "id: Y01")
    (folder / "y01.yaml").write_text(text, encoding="utf-8")
    result = run(tmp_path / "r", "--itl-cases", folder.parent, "-k", "Y01 and published")
    assert sorted(result.verdicts) == [
        "Y01-published-llama70b-tulu-1k-vs-medinstruct-52k-lora-vs-full-medinstruct-test-aspects",
        "Y01-published-llama7b-tulu-1k-vs-medinstruct-52k-lora-vs-full-medinstruct-test-aspects",
    ]


def test_arms_select_measured_cases(tmp_path):
    result = run(tmp_path / "r", "--itl-arm", "fair", "-k", "C10a and bios1m", "-q")
    assert {case["arm"] for case in result.record["cases"]} == {"fair"}
