import os
import subprocess
import sys
import time

import pytest

from itl_bench.store.artifact import MANIFEST
from itl_bench.store.cleaning import DAY_SECONDS, MEASURED, garbage, remove
from itl_bench.store.keys import Task
from itl_bench.store.locks import try_lock
from itl_bench.store.store import Store

CORPUS = Task("corpus", {})
CELL = Task("cell", {}, (CORPUS.key,))
OTHER = Task("cell", {"seed": 2})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def build(store, task, age_days=0.0):
    with store.writing(task) as folder:
        (folder / "data").write_text("12345", encoding="utf-8")
    aged(store.folder(task.key) / MANIFEST, age_days)


def aged(path, days):
    os.utime(path, (time.time() - days * DAY_SECONDS,) * 2)


def names(store, days=30):
    return sorted(found.path.name for found in garbage(store, days))


def test_what_was_not_opened_lately_goes(store):
    build(store, CORPUS, 40)
    build(store, OTHER, 20)
    assert names(store) == [CORPUS.key]
    assert names(store, days=10) == sorted([CORPUS.key, OTHER.key])
    assert names(store, days=50) == []


def test_what_something_younger_was_built_from_stays(store):
    build(store, CORPUS, 40)
    build(store, CELL, 1)
    assert names(store) == []


def test_opening_counts_as_use(store):
    build(store, CORPUS, 40)
    store.open(CORPUS.key)
    assert names(store) == []


def test_leftovers_of_killed_processes_go_and_those_of_living_ones_stay(store):
    for name in (f"{CORPUS.key}-aaaa", f"{CELL.key}-bbbb", f"{OTHER.key}-young"):
        (store.root / "partial" / name).mkdir()
        aged(store.root / "partial" / name, 0 if name.endswith("young") else 1)
    claim = try_lock(store.root, CELL.key)
    assert names(store) == [f"{CORPUS.key}-aaaa"]
    claim.release()
    assert names(store) == sorted([f"{CORPUS.key}-aaaa", f"{CELL.key}-bbbb"])


def test_removing_leaves_the_rest_whole(store):
    build(store, CORPUS, 40)
    build(store, OTHER)
    for found in list(garbage(store, 30)):
        assert remove(store, found, 30)
    assert store.keys() == [OTHER.key]
    assert list(store.verify()) == []
    assert names(store) == []


def test_what_was_opened_since_it_was_found_stays(store):
    build(store, CORPUS, 40)
    (found,) = garbage(store, 30)
    store.open(CORPUS.key)
    assert not remove(store, found, 30)
    assert store.has(CORPUS.key)


def test_nothing_goes_that_a_run_is_just_using(store):
    build(store, CORPUS)
    assert names(store, days=0) == []


def test_a_broken_link_among_the_leftovers_goes_too(store):
    leftover = store.root / "partial" / f"{CORPUS.key}-aaaa"
    leftover.mkdir()
    (leftover / "link").symlink_to("/nowhere/at/all")
    aged(leftover, 1)
    for found in list(garbage(store, 30)):
        remove(store, found, 30)
    assert not leftover.exists()


def call(root, *arguments):
    code = "from itl_bench.cli import main; main()"
    command = [sys.executable, "-c", code, "store", *arguments, "--store", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_ls_lists_what_is_there(store):
    build(store, CORPUS)
    text = call(store.root, "ls").stdout
    assert CORPUS.key in text
    assert "1 artifacts, 0.0 MB" in text


def test_gc_says_what_it_does(store):
    build(store, CORPUS, 40)
    assert "would remove" in call(store.root, "gc", "--dry-run").stdout
    assert store.has(CORPUS.key)
    assert f"removed {CORPUS.key}: not opened for 30 days" in call(store.root, "gc").stdout
    assert not store.has(CORPUS.key)


def test_verify_reports_damage_with_an_exit_code(store):
    build(store, CORPUS)
    assert call(store.root, "verify").returncode == 0
    (store.folder(CORPUS.key) / "data").write_text("54321", encoding="utf-8")
    result = call(store.root, "verify")
    assert result.returncode == 1
    assert "data has changed" in result.stdout
    assert "1 artifacts read, 1 damaged" in result.stdout


def test_a_store_that_is_not_there_is_one_clear_line(tmp_path):
    result = call(tmp_path / "no", "ls")
    assert result.returncode == 2
    assert result.stderr.startswith("ERROR: no store at")
    assert not (tmp_path / "no").exists()


def test_weights_of_measured_models_go_when_asked_for(store):
    full, adapter, unmeasured = (Task("checkpoint", {"seed": seed}) for seed in (1, 2, 3))
    measures = [Task("measure", {"measure": "shift"}, (one.key,)) for one in (full, adapter)]
    log = Task("measure", {"measure": "training"}, (unmeasured.key,))
    for task, name in ((full, "model"), (adapter, "adapter_model"), (unmeasured, "model")):
        with store.writing(task) as folder:
            (folder / f"{name}.safetensors").write_text("12345", encoding="utf-8")
        aged(store.folder(task.key) / MANIFEST, 1)
    for task in (*measures, log):
        build(store, task, 1)
    assert names(store) == []
    found = list(garbage(store, 30, weights=True))
    assert [(one.path.name, one.reason) for one in found] == [(full.key, MEASURED)]
    assert remove(store, found[0], 0)
    assert sorted(store.keys()) == sorted(one.key for one in (adapter, unmeasured, log, *measures))
    assert list(garbage(store, 30, weights=True)) == []


def test_weights_that_a_run_is_just_using_stay(store):
    full = Task("checkpoint", {})
    with store.writing(full) as folder:
        (folder / "model.safetensors").write_text("12345", encoding="utf-8")
    build(store, Task("measure", {"measure": "shift"}, (full.key,)))
    assert list(garbage(store, 30, weights=True)) == []
