"""The two phases from outside: what the selection needs is built by all workers, once; then come the verdicts."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from itl_bench.catalog.loading import shipped
from itl_bench.store.artifact import MANIFEST
from itl_bench.store.store import MARK, Store
from tests.helpers.building_bench import SELECTED, WHOLE, Bench


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path, monkeypatch)


def verdicts(result, evidence):
    return [case["verdict"] for case in result.record["cases"] if case["evidence"] == evidence and case.get("verdict")]


def counts(line):
    """The numbers of "... 3 of 12 cells, 5 of 19 artifacts ..."."""
    words = line.replace(",", "").split()
    return [int(words[place + shift]) for place, word in enumerate(words) if word == "of" for shift in (-1, 1)]


@pytest.mark.parametrize("workers", [0, 2])
def test_everything_is_built_once_then_decided_and_a_second_run_builds_nothing(bench, workers):
    bench.environment("ITL_TEST_SECONDS", "0.2")
    first = bench.run("-n", workers, "-q")
    assert first.code == 0, first.text
    assert bench.built == WHOLE
    assert verdicts(first, "measured") == ["SUPPORTED"] * 6
    assert verdicts(first, "published")
    assert bench.logged.count("loaded peft") == max(1, workers)

    lines = [line for line in first.text.splitlines() if line.startswith(("building: ", "built: "))]
    assert [line.split()[0] for line in lines] == ["building:"] * (len(lines) - 1) + ["built:"]
    assert counts(lines[0])[1::2] == [12, 19]
    assert counts(lines[-1]) == [12, 12, 19, 19]
    assert "\r" not in first.text
    assert first.text.index("built: ") < first.text.index("SS")

    time.sleep(1.1)  # times in manifests and records have seconds
    second = bench.run("-n", workers)
    assert second.code == 0, second.text
    assert bench.logged == []  # neither anything built nor the training stack loaded
    assert "building: " not in second.text
    assert second.verdicts == first.verdicts
    fresh, cached = ({one["key"]: one for one in run.record["artifacts"]} for run in (first, second))
    assert Counter(one["kind"] for one in fresh.values()) == WHOLE
    assert {one["cached"] for one in fresh.values()} == {False}
    assert cached == {key: one | {"cached": True} for key, one in fresh.items()}
    assert sorted(cached) == Store(bench.store).keys()


def test_artifacts_that_no_verdict_rests_on_are_not_in_the_record(bench):
    bench.run()
    some = bench.run("-k", f"{SELECTED} and (published or new0)")
    assert Counter(one["kind"] for one in some.record["artifacts"]) == {"base": 1, "checkpoint": 2, "measure": 1}
    none = bench.run("-k", "C10a and published")
    assert none.record["artifacts"] == []


def test_what_fails_to_build_is_an_error_of_the_cases_that_need_it_until_the_next_run(bench):
    bench.environment("ITL_TEST_FAIL", "bios-new30-long")
    result = bench.run("-n", 2, "--testrunuid", "always the same")
    assert result.code == 3
    cell = "checkpoint (dataset bios-new30-long, method {}): ValueError: the loss is NaN"
    assert f"not judged, because building failed: {cell.format('full')}; {cell.format('lora')}\n" in result.text
    assert "Traceback" not in result.text
    assert "1 error" in result.text
    (crashed,) = result.record["run"]["crashed"]
    assert "C10a-measured-bios1m-bios-new30-long" in crashed
    assert verdicts(result, "measured") == ["SUPPORTED"] * 5
    assert verdicts(result, "published")
    assert bench.built == {"base": 1, "checkpoint": 10, "measure": 5}
    assert "10 of 12 cells, 16 of 19 artifacts (2 failed, 1 waiting for them)" in result.text

    bench.environment("ITL_TEST_FAIL", "")
    again = bench.run("-n", 2, "--testrunuid", "always the same")
    assert again.code == 0, again.text
    assert bench.built == {"checkpoint": 2, "measure": 1}


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_base_cannot_be_asked_is_not_run(bench, workers):
    bench.environment("ITL_TEST_REFUSE", "bios-new30-long")
    result = bench.run("-n", workers, "-rs")
    assert result.code == 0, result.text
    reason = "not run: 125 items about unknown facts are wanted; the base has 40"
    assert f": {reason}\n" in result.text  # the short summary of skips
    assert "not run: 1 measured cases: 1 of bios1m (bios)" in result.text
    assert "1 skipped" in result.text
    assert "rror" not in result.text
    (case,) = [one for one in result.record["cases"] if one["evidence"] == "measured" and not one.get("verdict")]
    assert (case["dataset"], case["reason"]) == ("bios-new30-long", reason)
    assert result.record["run"]["crashed"] == []
    assert verdicts(result, "measured") == ["SUPPORTED"] * 5
    assert bench.built == {"base": 1, "checkpoint": 10, "measure": 5}
    (report,) = (path for path in result.folder.glob("*/report.html") if not path.parent.is_symlink())
    assert reason in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_malformed_case_costs_itself_alone(bench, workers):
    bench.environment("ITL_TEST_MALFORMED", "bios-new30-long")
    result = bench.run("-n", workers)
    assert result.code == 3
    assert "\nthe dataset says nowhere where its rows come from: add 'rows_from'\n" in result.text
    assert "Traceback" not in result.text
    (crashed,) = result.record["run"]["crashed"]
    assert "C10a-measured-bios1m-bios-new30-long" in crashed
    assert verdicts(result, "measured") == ["SUPPORTED"] * 5
    assert verdicts(result, "published")
    assert bench.built == {"base": 1, "checkpoint": 10, "measure": 5}


def test_a_plan_names_what_it_cannot_plan(bench):
    bench.environment("ITL_TEST_MALFORMED", "bios-new30-long")
    result = bench.run("--itl-plan")
    assert result.code == 3
    text = result.text
    assert "ERROR: cases that are not planned, because of UsageError: the dataset says nowhere where its rows" in text


def test_a_full_disk_stops_the_build_and_nothing_else(bench):
    bench.environment("ITL_TEST_ERROR", "builders")
    result = bench.run()
    assert result.code == 3
    assert result.text.count("not judged, because building stopped: OSError: [Errno 28] No space left on device\n") == 6
    assert "INTERNALERROR" not in result.text
    assert "Traceback" not in result.text
    assert verdicts(result, "measured") == []
    assert verdicts(result, "published")


def test_a_mistake_in_code_is_an_error_of_every_measured_case(bench):
    bench.environment("ITL_TEST_ERROR", "tasks")
    result = bench.run("-n", 2)
    assert result.code == 3
    assert "ZeroDivisionError: a mistake in code" in result.text
    assert "INTERNALERROR" not in result.text
    assert len(result.record["run"]["crashed"]) == 6
    assert verdicts(result, "published")


@pytest.mark.parametrize(("kind", "workers"), [("measure", 0), ("checkpoint", 2)])
def test_what_is_damaged_is_built_again(bench, kind, workers):
    bench.run()
    store = Store(bench.store)
    damaged = next(key for key in store.keys() if store.manifest(key).kind == kind)  # noqa: SIM118
    (store.folder(damaged) / "text").write_text("something else", encoding="utf-8")
    if kind == "checkpoint":  # a parent is looked at where something is built from it
        child = next(key for key in store.keys() if damaged in store.manifest(key).parents)  # noqa: SIM118
        (store.folder(child) / MANIFEST).unlink()
    again = bench.run("-n", workers)
    assert again.code == 0, again.text
    assert verdicts(again, "measured") == ["SUPPORTED"] * 6
    assert bench.built == ({"measure": 1} if kind == "measure" else {"checkpoint": 1, "measure": 1})
    assert f"the artifact {damaged} is damaged (text has changed); it was set aside" in again.text
    assert (store.folder(damaged) / "text").read_text(encoding="utf-8") == kind


def test_a_selection_builds_only_what_it_needs_and_published_cases_need_no_store(bench):
    assert bench.run("-k", "C10a and published").code == 0
    assert not bench.store.exists()
    bench.run("-k", "C10a and bios1m and fair and new0")
    assert bench.built == {"base": 1, "checkpoint": 2, "measure": 1}


@pytest.mark.parametrize("options", [["--collect-only", "-q"], ["--itl-plan"]], ids=str)
def test_looking_builds_nothing(bench, options):
    assert bench.run(*options).code == 0
    assert bench.logged == []
    assert not bench.store.exists()


def test_nothing_is_built_where_a_test_file_is_broken(bench):
    folder = bench.folder / "own"
    folder.mkdir()
    text = "from itl_bench.plugin import claims\n@claims('C10a')\ndef test_mine(case, evidence): pass\n"
    (folder / "test_good.py").write_text(text, encoding="utf-8")
    (folder / "test_broken.py").write_text("1 / 0\n", encoding="utf-8")
    assert bench.run(tests=folder).code == 2
    assert bench.built == {}
    assert bench.run("--continue-on-collection-errors", tests=folder).code != 2
    assert bench.built == WHOLE


def test_the_plan_counts_the_cases_that_can_run_here(bench):
    text = bench.run("--itl-plan", "-k", SELECTED.replace("published", "llama7b and fair")).text
    rows = {words[1]: words for line in text.splitlines() if (words := line.split()) and words[0] in ("bios", "paper")}
    assert rows["bios1m"][2:4] == ["6", "6"]
    assert int(rows["llama7b"][2]) > 0
    assert rows["llama7b"][3] == "0"


def test_a_case_that_cannot_run_here_is_skipped_with_its_reason(bench):
    result = bench.run("-k", "C10a and lima and fair and llama7b", "-rs")
    assert result.code == 0
    assert "meta-llama/Llama-2-7b-hf" in result.text
    assert bench.logged == []


def test_very_quiet_runs_show_no_progress(bench):
    assert "artifacts" not in bench.run("-qq").text
    assert bench.built == WHOLE


def start(bench, workers):
    """A run in a process group of its own, as a terminal would start it."""
    benchmark = shipped("benchmark")
    command = [sys.executable, "-m", "pytest", benchmark, "-p", "itl_bench.plugin", "-p", "no:cacheprovider"]
    options = ["-n", workers, "-k", SELECTED, "--itl-store", bench.store, "--itl-report", bench.folder / "interrupted"]
    arguments = [str(argument) for argument in (*command, *options)]

    def as_from_a_terminal():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background may ignore Ctrl-C

    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, cwd=benchmark, start_new_session=True,
        preexec_fn=as_from_a_terminal,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupt_keeps_what_is_built_and_says_how_to_go_on(bench, workers):
    bench.environment("ITL_TEST_SECONDS", "1")
    process = start(bench, workers)
    deadline = time.monotonic() + 60
    while bench.built.get("checkpoint", 0) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    kept = Store(bench.store).keys()
    assert process.returncode == 2, text
    assert f"interrupted: {len(kept)} of 19 artifacts kept in {bench.store}; run the same command again" in text
    assert len(kept) >= 3
    assert 0 <= sum(bench.built.values()) - len(kept) <= max(1, workers)  # written, and interrupted before it was kept
    assert not (bench.folder / "interrupted").exists()
    assert not list((bench.store / "partial").iterdir())

    bench.environment("ITL_TEST_SECONDS", "0")
    again = bench.run()
    assert again.code == 0, again.text
    assert sum(bench.built.values()) == 19 - len(kept)


def test_a_folder_that_is_no_store_is_one_line(bench):
    (bench.folder / "file").write_text("", encoding="utf-8")
    (bench.folder / "other").mkdir()
    (bench.folder / "other" / "thesis.tex").write_text("", encoding="utf-8")
    stranger = "other is not empty and no store; give a new folder, or one that itl-bench made"
    for option, name, message in (
        ("--itl-store", "file", "file is a file; give a folder"),
        ("--itl-store", "file/inside", "file is a file; give a folder"),
        ("--itl-store", "other", stranger),
        ("ITL_STORE", "other", stranger),
    ):
        bench.store = bench.folder / name if option == "--itl-store" else ""
        bench.environment("ITL_STORE", str(bench.folder / name))
        result = bench.run("-n", 2)
        assert result.code == 4
        assert [line for line in result.text.splitlines() if line] == [f"ERROR: {option}: {bench.folder / message}"]
    assert not (bench.folder / "other" / MARK).exists()


def test_the_store_can_be_named_by_the_environment(bench):
    bench.environment("ITL_STORE", str(bench.folder / "named"))
    bench.store = ""
    bench.run("-k", "C10a and bios1m and fair and new0")
    assert len(Store(bench.folder / "named").keys()) == 4
