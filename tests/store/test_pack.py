"""Evidence travels in one file: what comes out is what went in, and nothing in it is trusted."""

import io
import json
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.errors import UsageError
from itl_bench.store.artifact import MANIFEST
from itl_bench.store.keys import Task
from itl_bench.store.pack import ABOUT, Packed, export, take
from itl_bench.store.store import Store

BASE = Task("base", {"number": 1})
CELL = Task("checkpoint", {"seed": 1}, (BASE.key,))
TABLES = [Task("measure", {"of": name}, (CELL.key,)) for name in "abc"]
ALL = [task.key for task in TABLES]
ABOUT_RUN = {"run": "20260101-000000-abcdef"}


def filled(root):
    store = Store(root)
    for task in (BASE, CELL, *TABLES):
        with store.writing(task, {"device": "cpu"}) as folder:
            (folder / "table.json").write_text(f"{task.spec} of é", encoding="utf-8")
            (folder / "more.bin").write_bytes(bytes(range(256)) * 10)
    return store


def files_of(store, key):
    folder = store.folder(key)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}


@pytest.fixture
def pack(tmp_path):
    file = tmp_path / "evidence.tar.xz"
    export(filled(tmp_path / "store"), ALL, ABOUT_RUN, file)
    return file


def test_artifacts_come_out_as_they_went_in(tmp_path, pack):
    old, new = Store(tmp_path / "store"), Store(tmp_path / "other")
    assert take(pack, new) == Packed(3, 0)
    assert new.keys() == sorted(task.key for task in TABLES)
    for task in TABLES:
        assert files_of(new, task.key) == files_of(old, task.key)
        before, after = (one.manifest(task.key).model_dump() for one in (old, new))
        assert after["provenance"].pop("imported")["run"] == ABOUT_RUN["run"]
        assert after == before
    assert list(new.verify()) == []
    assert take(pack, new) == Packed(3, 3)


def test_the_same_evidence_is_the_same_file(tmp_path, pack):
    export(Store(tmp_path / "store"), reversed(ALL), ABOUT_RUN, tmp_path / "again.tar.xz")
    assert (tmp_path / "again.tar.xz").read_bytes() == pack.read_bytes()


def test_an_artifact_that_the_store_lacks_is_named_and_no_file_is_written(tmp_path):
    absent = Task("measure", {"of": "d"})
    with pytest.raises(UsageError, match=f"artifact {absent.key} is not in .*run the benchmark again"):
        export(filled(tmp_path / "store"), [*ALL, absent.key], {}, tmp_path / "pack.tar.xz")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def rewritten(pack, to, change):
    """The pack with its members changed: a function of name and content to name and content, or None to drop it."""
    with tarfile.open(pack) as old, tarfile.open(to, "w:xz") as new:
        for member in old:
            changed = change(member.name, old.extractfile(member).read())
            if changed is not None:
                info = tarfile.TarInfo(changed[0])
                info.size = len(changed[1])
                new.addfile(info, io.BytesIO(changed[1]))
    return to


def of_table(change):
    return lambda name, content: change(name, content) if name.endswith("table.json") else (name, content)


def other_spec(name, content):
    if not name.endswith(MANIFEST):
        return name, content
    return name, json.dumps(json.loads(content) | {"spec": {"of": "another"}}).encode()


@pytest.mark.parametrize(
    "change",
    [
        of_table(lambda name, content: (name, content + b" ")),
        of_table(lambda name, content: None),
        of_table(lambda name, content: (f"../{name}", content)),
        of_table(lambda name, content: (f"/{name}", content)),
        of_table(lambda name, content: (name.replace("table.json", "../../table.json"), content)),
        of_table(lambda name, content: (name.replace("table.json", "other.json"), content)),
        lambda name, content: None if name.endswith(MANIFEST) else (name, content),
        other_spec,
        lambda name, content: (name, b"{") if name.endswith(MANIFEST) else (name, content),
        lambda name, content: (name, b"[]") if name.endswith(MANIFEST) else (name, content),
        lambda name, content: None if name.startswith(TABLES[0].key) else (name, content),
        lambda name, content: None if name == ABOUT else (name, content),
        lambda name, content: (name, b'{"pack": 99}') if name == ABOUT else (name, content),
    ],
)
def test_what_is_not_as_it_was_packed_is_refused_in_one_line(tmp_path, pack, change):
    store = Store(tmp_path / "other")
    with pytest.raises(UsageError, match=r"evidence pack|get it again") as caught:
        take(rewritten(pack, tmp_path / "changed.tar.xz", change), store)
    assert "\n" not in str(caught.value)
    assert list(store.verify()) == []
    assert not (tmp_path / "table.json").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"store", "other", pack.name, "changed.tar.xz"}


def test_links_are_refused(tmp_path):
    file = tmp_path / "links.tar.xz"
    with tarfile.open(file, "w:xz") as pack:
        head = json.dumps({"pack": 1, "artifacts": 1}).encode()
        info = tarfile.TarInfo(ABOUT)
        info.size = len(head)
        pack.addfile(info, io.BytesIO(head))
        link = tarfile.TarInfo(f"{TABLES[0].key}/table.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        pack.addfile(link)
    with pytest.raises(UsageError, match="no plain file"):
        take(file, Store(tmp_path / "other"))


@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_file_that_was_cut_off_or_changed_anywhere_never_gives_other_evidence(tmp_path_factory, place, cut):
    folder = tmp_path_factory.mktemp("pack")
    file = folder / "evidence.tar.xz"
    store = filled(folder / "store")
    export(store, ALL, ABOUT_RUN, file)
    content = file.read_bytes()
    at = int(place * len(content))
    file.write_bytes(content[:at] if cut else content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    other = Store(folder / "other")
    with suppress(UsageError):  # what is cut or changed behind the last table does not matter
        take(file, other)
    for key in set(other.keys()):
        assert files_of(other, key) == files_of(store, key)
