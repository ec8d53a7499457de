"""A digest is always that of the content, and unchanged files are read once."""

import hashlib
import os
import shutil
import time

import pytest

from itl_bench.data.weights import digests as weights_digests
from itl_bench.data.weights.digests import digest
from itl_bench.errors import ItlError

LONG_AGO = 1_000_000_000
NOW = time.time_ns


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "itl_bench" / "digests.json"


@pytest.fixture
def reads(monkeypatch):
    """Names of the files that were read; every size is remembered, and whatever was written some time ago."""
    names = []
    monkeypatch.setattr(weights_digests, "LARGE", 0)
    monkeypatch.setattr(weights_digests.time, "time_ns", lambda: NOW() + 10 * weights_digests.SETTLED_NS)

    def counted(path):
        names.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(weights_digests, "sha256", counted)
    return names


def write(path, content, seconds=LONG_AGO):
    path.write_bytes(content)
    os.utime(path, (seconds, seconds))
    return path


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_an_unchanged_file_is_read_once(tmp_path, reads):
    files = [write(tmp_path / name, name.encode()) for name in "ab"]
    for _ in range(3):
        assert [digest(file) for file in files] == [sha(b"a"), sha(b"b")]
    assert reads == ["a", "b"]


@pytest.mark.parametrize("how", ["time", "size", "inode"])
def test_a_changed_file_is_read_again(tmp_path, reads, how):
    file = write(tmp_path / "a", b"old")
    digest(file)
    content, seconds = {"time": (b"new", LONG_AGO + 1), "size": (b"newer", LONG_AGO), "inode": (b"new", LONG_AGO)}[how]
    if how == "inode":
        write(tmp_path / "other", content, seconds).replace(file)
    else:
        write(file, content, seconds)
    assert digest(file) == sha(content)
    assert reads == ["a", "a"]


def test_other_content_under_the_same_size_date_and_inode_is_read(tmp_path, reads):
    """As `cp -p` or the layers of an image leave it: the time of the last write says nothing."""
    before, after = write(tmp_path / "before", b"old"), write(tmp_path / "after", b"new")
    asked = tmp_path / "asked"
    seen, inodes = [], set()
    for source in (before, after):
        with asked.open("wb") as file:  # the same inode
            file.write(source.read_bytes())
        shutil.copystat(source, asked)
        inodes.add(asked.stat().st_ino)
        seen.append(digest(asked))
    assert seen == [sha(b"old"), sha(b"new")]
    assert (len(inodes), asked.stat().st_mtime) == (1, LONG_AGO)


def test_a_small_file_is_always_read(tmp_path, reads, monkeypatch, own_cache):
    monkeypatch.setattr(weights_digests, "LARGE", 2)
    small, large = write(tmp_path / "small", b"x"), write(tmp_path / "large", b"xy")
    assert [digest(file) for file in (small, small, large, large)] == [sha(b"x")] * 2 + [sha(b"xy")] * 2
    assert reads == ["small", "small", "large"]


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path, reads, monkeypatch):
    monkeypatch.setattr(weights_digests.time, "time_ns", NOW)
    (tmp_path / "a").write_bytes(b"x")
    assert digest(tmp_path / "a") == digest(tmp_path / "a") == sha(b"x")
    assert reads == ["a", "a"]


@pytest.mark.parametrize("memory", ["", "[1]", "{", '{"PLACE": 3}', '{"PLACE": [1]}', "\x00"])
def test_a_damaged_memory_is_no_harm(tmp_path, own_cache, memory):
    file = write(tmp_path / "a", b"x")
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text(memory.replace("PLACE", str(file)))
    assert digest(file) == sha(b"x")


def test_without_a_place_to_remember(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", b"")))
    assert digest(write(tmp_path / "a", b"x")) == sha(b"x")


def test_a_file_that_changes_meanwhile(tmp_path, monkeypatch):
    file = write(tmp_path / "a", b"x")
    monkeypatch.setattr(weights_digests, "LARGE", 0)
    monkeypatch.setattr(weights_digests, "sha256", lambda path: str(path.write_bytes(b"longer")))
    with pytest.raises(ItlError, match="changed while it was read"):
        digest(file)
