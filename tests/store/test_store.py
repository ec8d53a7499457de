import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import itl_bench.store.store as store_module
from itl_bench.errors import ItlError, UsageError
from itl_bench.store.artifact import MANIFEST
from itl_bench.store.keys import Task
from itl_bench.store.store import DamagedArtifactError, Store

TASK = Task("corpus", {"seed": 1})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def build(store, task=TASK, **files):
    with store.writing(task, {"torch": "2.13"}) as folder:
        for name, text in (files or {"data": "hello"}).items():
            (folder / name).write_text(text, encoding="utf-8")
    return task.key


def test_what_is_written_is_found_with_its_manifest(store):
    key = build(store, data="hello", more="world")
    artifact = store.open(key)
    assert (artifact.folder / "data").read_text(encoding="utf-8") == "hello"
    assert artifact.manifest.task == TASK
    assert artifact.manifest.provenance == {"torch": "2.13"}
    assert set(artifact.manifest.files) == {"data", "more"}
    assert artifact.size == 10
    assert store.keys() == [key]
    assert list((store.root / "partial").iterdir()) == []


def test_folders_inside_an_artifact_are_kept(store):
    with store.writing(TASK) as folder:
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "x").write_text("x", encoding="utf-8")
    assert set(Store(store.root).open(TASK.key).manifest.files) == {"deep/er/x"}


def test_an_exception_leaves_nothing(store):
    def half():
        with store.writing(TASK) as folder:
            (folder / "data").write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not store.has(TASK.key)
    assert list((store.root / "partial").iterdir()) == []


def test_an_artifact_without_files_is_an_error(store):
    with pytest.raises(ItlError, match="wrote no file"), store.writing(TASK):
        pass
    assert not store.has(TASK.key)


def test_an_artifact_with_a_link_is_an_error(store):
    with pytest.raises(ItlError, match="plain files only"), store.writing(TASK) as folder:
        (folder / "link").symlink_to("/etc/hostname")


KILLED = """
import os, sys
from pathlib import Path
import itl_bench.store.store as store
from itl_bench.store.keys import Task
left = [int(sys.argv[2])]
def counted(real):
    def call(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)  # as kill -9 would: nothing is cleaned up
        return real(*arguments, **options)
    return call
opened = store.Store(Path(sys.argv[1]))
os.fsync = counted(os.fsync)
Path.rename = counted(Path.rename)
store.shutil.rmtree = counted(store.shutil.rmtree)
with opened.writing(Task("corpus", {"seed": 1})) as folder:
    (folder / "a").write_text("hello", encoding="utf-8")
    (folder / "b").write_text("world", encoding="utf-8")
"""


@pytest.mark.parametrize("steps", range(8))
def test_a_process_killed_between_any_two_steps_leaves_a_whole_artifact_or_none(tmp_path, steps):
    """Steps: fsync of two files and the manifest, of the folder, the rename, fsync of its folder, the clean-up."""
    command = [sys.executable, "-c", KILLED, str(tmp_path / "store"), str(steps)]
    code = subprocess.run(command, check=False).returncode
    assert code == (0 if steps >= 7 else 9)
    store = Store(tmp_path / "store")
    assert store.has(TASK.key) == (steps >= 5)
    assert list(store.verify()) == []
    build(store)
    assert store.open(TASK.key).size in (5, 10)


def test_the_first_of_two_builders_is_kept(store):
    with store.writing(TASK) as slow:
        (slow / "data").write_text("slow", encoding="utf-8")
        build(store, data="fast")
    assert (store.open(TASK.key).folder / "data").read_text(encoding="utf-8") == "fast"
    assert list((store.root / "partial").iterdir()) == []


def test_many_threads_that_build_one_artifact_all_succeed(store):
    errors = []

    def work():
        try:
            build(store)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Store(store.root).open(TASK.key).size == 5


def spoil_change(folder):
    (folder / "data").write_text("hellO", encoding="utf-8")


def spoil_truncate(folder):
    os.truncate(folder / "data", 2)


def spoil_missing(folder):
    (folder / "data").unlink()


def spoil_extra(folder):
    (folder / "stranger").write_text("x", encoding="utf-8")


def spoil_manifest(folder):
    (folder / MANIFEST).write_text("{}", encoding="utf-8")


def spoil_other_spec(folder):
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(
        text.replace('"seed": 1', '"seed": 2').replace('"seed":1', '"seed":2'), encoding="utf-8"
    )


SPOILS = [spoil_change, spoil_truncate, spoil_missing, spoil_extra, spoil_manifest, spoil_other_spec]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_damaged_artifact_is_never_used_and_is_built_again(store, spoil):
    key = build(store)
    spoil(store.folder(key))
    fresh = Store(store.root)
    with pytest.raises(DamagedArtifactError, match="set aside"):
        fresh.open(key)
    assert not fresh.has(key)
    assert len(list((store.root / "damaged").iterdir())) == 1
    build(fresh)
    assert (fresh.open(key).folder / "data").read_text(encoding="utf-8") == "hello"


@given(position=st.integers(0, 999), bit=st.integers(0, 7))
@settings(max_examples=25)
def test_any_flipped_bit_of_a_file_is_found(tmp_path_factory, position, bit):
    store = Store(tmp_path_factory.mktemp("store"))
    with store.writing(TASK) as folder:
        (folder / "data").write_bytes(bytes(1000))
    path = store.folder(TASK.key) / "data"
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(DamagedArtifactError, match="data has changed"):
        store.open(TASK.key)


def test_verify_finds_what_was_damaged_after_it_was_opened(store):
    good, bad = build(store, Task("a", {})), build(store, Task("b", {}))
    store.open(bad)
    spoil_change(store.folder(bad))
    assert [key for key, _ in store.verify()] == [bad]
    assert store.keys() == [good]


def test_trouble_with_reading_is_no_damage(store, monkeypatch):
    key = build(store)

    def exhausted(path):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("itl_bench.store.artifact.sha256", exhausted)
    with pytest.raises(OSError, match="Too many open files"):
        Store(store.root).open(key)
    assert store.has(key)


def test_damage_that_another_process_has_mended_is_left_alone(store, monkeypatch):
    key = build(store)
    spoil_change(store.folder(key))
    slow, fast = Store(store.root), Store(store.root)
    real = store_module.check

    def check_slowly(artifact):
        try:
            real(artifact)
        finally:
            monkeypatch.setattr("itl_bench.store.store.check", real)
            with pytest.raises(DamagedArtifactError):
                fast.open(key)
            build(fast)

    monkeypatch.setattr("itl_bench.store.store.check", check_slowly)
    with pytest.raises(KeyError):
        slow.open(key)
    assert (Store(store.root).open(key).folder / "data").read_text(encoding="utf-8") == "hello"
    assert len(list((store.root / "damaged").iterdir())) == 1


def test_what_cannot_be_described_fails_before_it_is_built(store):
    def build_with(provenance):
        with store.writing(TASK, provenance):
            pytest.fail("building began")

    with pytest.raises(UsageError):
        build_with({"rate": float("nan")})


def test_checking_is_no_use(store):
    key = build(store)
    os.utime(store.folder(key) / MANIFEST, (0, 0))
    assert list(store.verify()) == []
    assert (store.folder(key) / MANIFEST).stat().st_mtime == 0
    store.open(key)
    assert (store.folder(key) / MANIFEST).stat().st_mtime > 0


def test_what_is_not_there_is_a_key_error(store):
    with pytest.raises(KeyError):
        store.open("0" * 32)


def test_a_folder_of_something_else_is_no_store(tmp_path):
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty and no store"):
        Store(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        Store(tmp_path / "thesis.tex")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.tex"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot be made \(Not a directory\); give a folder that can be written"):
        Store(tmp_path / "file" / "store")
