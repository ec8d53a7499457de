"""Evidence travels in one file: what comes out is what went in, and nothing in it is trusted."""

import io
import json
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.errors import UsageError
from itl_bench.store.artifact import MANIFEST
from itl_bench.store.keys import Task
from itl_bench.store.pack import ABOUT, Part, Taken, export, take
from itl_bench.store.store import Store

BASE = Task("base", {"number": 1})
CELL = Task("checkpoint", {"seed": 1}, (BASE.key,))
# The spec holds a letter and a number that two writers of JSON differ in.
TABLES = [Task("measure", {"of": name, "é": 1e-05}, (CELL.key,)) for name in "abc"]
ALL = [task.key for task in TABLES]
ABOUT_RUN = {"run": "20260101-000000-abcdef"}


def filled(root):
    store = Store(root)
    for task in (BASE, CELL, *TABLES):
        with store.writing(task, {"device": "cpu"}) as folder:
            (folder / "table.json").write_text(f"{task.spec} of é", encoding="utf-8")
            (folder / "more.bin").write_bytes(bytes(range(256)) * 10)
    return store


def parts_in(folder, number):
    return [folder / f"part-{one}.tar.xz" for one in range(1, number + 1)]


def files_of(store, key):
    folder = store.folder(key)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}


@pytest.fixture
def pack(tmp_path):
    file = tmp_path / "evidence.tar.xz"
    export(filled(tmp_path / "store"), ALL, ABOUT_RUN, [file])
    return file


def test_artifacts_come_out_as_they_went_in(tmp_path, pack):
    old, new = Store(tmp_path / "store"), Store(tmp_path / "other")
    assert take(pack, new) == Taken(3, 0)
    assert new.keys() == sorted(task.key for task in TABLES)
    for task in TABLES:
        assert files_of(new, task.key) == files_of(old, task.key)
        before, after = (one.manifest(task.key).model_dump() for one in (old, new))
        assert after["provenance"].pop("imported")["run"] == ABOUT_RUN["run"]
        assert after == before
    assert list(new.verify()) == []
    assert take(pack, new) == Taken(3, 3)


def test_the_same_evidence_is_the_same_file(tmp_path, pack):
    export(Store(tmp_path / "store"), reversed(ALL), ABOUT_RUN, [tmp_path / "again.tar.xz"])
    assert (tmp_path / "again.tar.xz").read_bytes() == pack.read_bytes()


def test_packs_that_were_taken_and_written_again_are_the_same_files(tmp_path):
    first, again = (parts_in(tmp_path / name, 2) for name in ("first", "again"))
    for folder in (first[0].parent, again[0].parent):
        folder.mkdir()
    export(filled(tmp_path / "store"), ALL, ABOUT_RUN, first)
    other = Store(tmp_path / "other")
    for file in first:
        take(file, other)
    export(other, ALL, ABOUT_RUN, again)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in first]


def test_each_part_says_what_the_store_still_lacks(tmp_path):
    files, other = parts_in(tmp_path, 2), Store(tmp_path / "other")
    assert export(filled(tmp_path / "store"), ALL, ABOUT_RUN, files) == (2, 1)  # every second one, from the first on
    assert take(files[1], other) == Taken(1, 0, Part(number=2, of=2, keys=frozenset(ALL)), 2)
    assert take(files[0], other) == Taken(2, 0, Part(number=1, of=2, keys=frozenset(ALL)), 0)
    assert other.keys() == sorted(ALL)


def test_the_first_origin_of_an_artifact_is_kept(tmp_path, pack):
    first = {"pack": "00", "run": "the first"}

    def told(name, content):
        if not name.endswith(MANIFEST):
            return name, content
        manifest = json.loads(content)
        manifest["provenance"]["imported"] = first if name.startswith(ALL[0]) else None
        return name, json.dumps(manifest).encode()

    other = Store(tmp_path / "other")
    take(rewritten(pack, tmp_path / "told.tar.xz", told), other)
    origins = [other.manifest(key).provenance["imported"] for key in ALL]
    assert origins[0] == first
    assert [one["run"] for one in origins[1:]] == [ABOUT_RUN["run"]] * 2
    take(pack, other)
    assert [other.manifest(key).provenance["imported"] for key in ALL] == origins


def test_an_artifact_that_the_store_lacks_is_named_and_no_file_is_written(tmp_path):
    absent = Task("measure", {"of": "d"})
    with pytest.raises(UsageError, match=f"artifact {absent.key} is not in .*run the benchmark again"):
        export(filled(tmp_path / "store"), [*ALL, absent.key], {}, parts_in(tmp_path, 2))
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
        lambda name, content: (name, b"[" * 100_000) if name == ABOUT else (name, content),
        lambda name, content: (name, b"[" * 100_000) if name.endswith(MANIFEST) else (name, content),
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


PART = {"number": 1, "of": 2, "keys": ALL}


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({}, "artifacts: Field required"),
        ({"artifacts": None}, "artifacts: Input should be a valid integer"),
        ({"artifacts": "3"}, "artifacts: Input should be a valid integer"),
        ({"artifacts": -1}, "artifacts: Input should be greater than or equal to 0"),
        ({"artifacts": 3, "run": ["x"]}, "run: Input should be a valid string"),
        ({"artifacts": 3, "part": 1}, "part: Input should be"),
        ({"artifacts": 3, "part": PART | {"number": 0}}, "part.number: Input should be greater"),
        ({"artifacts": 3, "part": PART | {"number": 3}}, "part 3 of 2"),
        ({"artifacts": 3, "part": PART | {"keys": ["../../x"]}}, "part.keys.0: String should match"),
        ({"artifacts": 4, "part": PART}, "4 artifacts of 3"),
    ],
)
def test_a_head_that_is_not_right_is_refused_before_anything_is_taken(tmp_path, pack, head, said):
    content = json.dumps({"pack": 1} | head).encode()
    changed = rewritten(pack, tmp_path / "changed.tar.xz", lambda *one: (ABOUT, content) if one[0] == ABOUT else one)
    store = Store(tmp_path / "other")
    with pytest.raises(UsageError, match=r"is no evidence pack, or is damaged: pack\.json: ") as caught:
        take(changed, store)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.keys() == []


@pytest.mark.parametrize("said", [2, 4])
def test_artifacts_of_a_pack_that_holds_another_number_are_whole_and_stay(tmp_path, pack, said):
    head = json.dumps({"pack": 1, "artifacts": said}).encode()
    changed = rewritten(pack, tmp_path / "changed.tar.xz", lambda *one: (ABOUT, head) if one[0] == ABOUT else one)
    store = Store(tmp_path / "other")
    with pytest.raises(UsageError, match=f"holds 3 artifacts, not {said} as its head says.*3 .* are whole and stay in"):
        take(changed, store)
    assert store.keys() == sorted(ALL)
    assert list(store.verify()) == []


def test_artifacts_before_a_damage_are_counted(tmp_path, pack):
    last = max(ALL)
    changed = rewritten(pack, tmp_path / "changed.tar.xz", lambda *one: (one[0], b"{}" if last in one[0] else one[1]))
    store = Store(tmp_path / "other")
    with pytest.raises(UsageError, match=r"or is damaged: .*; get it again; 2 artifacts .* are whole and stay in"):
        take(changed, store)
    assert store.keys() == sorted(ALL)[:2]


def test_a_manifest_that_is_missing_is_named_without_a_path(tmp_path, pack):
    def change(name, content):
        return None if name.endswith(MANIFEST) else (name, content)

    with pytest.raises(UsageError, match=r"or is damaged: manifest.json is missing; get it again$"):
        take(rewritten(pack, tmp_path / "changed.tar.xz", change), Store(tmp_path / "other"))


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


@settings(deadline=None)  # files are synced to the disk, however long that takes
@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_file_that_was_cut_off_or_changed_anywhere_never_gives_other_evidence(tmp_path_factory, place, cut):
    folder = tmp_path_factory.mktemp("pack")
    file = folder / "evidence.tar.xz"
    store = filled(folder / "store")
    export(store, ALL, ABOUT_RUN, [file])
    content = file.read_bytes()
    at = int(place * len(content))
    file.write_bytes(content[:at] if cut else content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    other = Store(folder / "other")
    with suppress(UsageError):  # what is cut or changed behind the last table does not matter
        take(file, other)
    for key in set(other.keys()):
        assert files_of(other, key) == files_of(store, key)
