"""`itl-bench evidence`: from the record of a run to one file, and into another store."""

import shutil
import subprocess
import sys

import pytest

from itl_bench.record import ArtifactRecord, dump, load
from itl_bench.run.commands.evidence import numbered
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from tests.helpers.sample_record import record

BASE = Task("base", {"number": 1})
TABLE = Task("measure", {"measure": "style"}, (BASE.key,))


def call(*arguments):
    code = "import sys; from itl_bench.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, "evidence", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def run(tmp_path):
    """The folder of a run whose table is in a store."""
    store = Store(tmp_path / "store")
    with store.writing(TABLE) as folder:
        (folder / "table.json").write_text("{}", encoding="utf-8")
    made = [
        ArtifactRecord(key=one.key, kind=one.kind, spec=dict(one.spec), parents=one.parents, seconds=1.0, cached=False)
        for one in (BASE, TABLE)
    ]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "record.json").write_text(dump(record().model_copy(update={"artifacts": tuple(made)})), encoding="utf-8")
    return folder


def test_evidence_goes_from_one_store_to_another_and_weights_stay_behind(run, tmp_path):
    file = tmp_path / "evidence.tar.xz"
    out = call("export", run, "--to", file, "--store", tmp_path / "store")
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout.startswith("wrote 1 artifacts of run ")
    out = call("import", file, "--store", tmp_path / "other")
    assert out.stdout == f"1 artifacts, 0 of them there before, are in {tmp_path / 'other'}\n"
    assert Store(tmp_path / "other").has(TABLE.key)


@pytest.fixture
def five(run, tmp_path):
    """The keys of the five tables that the run has now, sorted."""
    store, given = Store(tmp_path / "store"), load(run / "record.json")
    more = [Task("measure", {"measure": "style", "number": number}, (BASE.key,)) for number in range(4)]
    for task in more:
        with store.writing(task) as folder:
            (folder / "table.json").write_text("{}", encoding="utf-8")
    made = [given.artifacts[1].model_copy(update={"key": one.key, "spec": dict(one.spec)}) for one in more]
    whole = given.model_copy(update={"artifacts": (*given.artifacts, *made)})
    (run / "record.json").write_text(dump(whole), encoding="utf-8")
    return sorted(one.key for one in (TABLE, *more))


def packs(folder):
    return sorted(path.name for path in folder.glob("*.xz"))


def test_several_parts_hold_each_artifact_once_and_say_what_is_still_to_be_imported(run, five, tmp_path):
    out = call("export", run, "--to", tmp_path / "some.tar.xz", "--parts", 2, "--store", tmp_path / "store")
    assert [line.partition(" artifacts")[0] for line in out.stdout.splitlines()] == ["wrote 3", "wrote 2"]
    other = tmp_path / "other"
    for number, taken, part in (
        (1, 3, "part 1 of 2; the store still lacks 2 of the run's 5 artifacts: import the other parts"),
        (2, 2, "part 2 of 2; all of the run's 5 artifacts are in the store"),
    ):
        out = call("import", tmp_path / f"some-{number}.tar.xz", "--store", other)
        assert out.stdout == f"{taken} artifacts, 0 of them there before, are in {other}\n{part}\n"
    assert Store(other).keys() == five


def test_no_part_is_written_where_an_artifact_of_another_part_is_not_there(run, five, tmp_path):
    shutil.rmtree(Store(tmp_path / "store").folder(five[1]))  # the second of five is in the second part
    out = call("export", run, "--to", tmp_path / "some.tar.xz", "--parts", 2, "--store", tmp_path / "store")
    assert out.returncode == 2
    assert f"the artifact {five[1]} is not in" in out.stderr
    assert packs(tmp_path) == []


def test_more_parts_than_artifacts_are_refused(run, five, tmp_path):
    out = call("export", run, "--to", tmp_path / "some.tar.xz", "--parts", 6, "--store", tmp_path / "store")
    assert (out.returncode, len(out.stderr.strip().splitlines())) == (2, 1)
    assert "--parts 6: the run has 5 artifacts to pack; give 5 at most" in out.stderr
    assert packs(tmp_path) == []


def test_packs_of_an_earlier_export_that_stay_beside_the_new_ones_are_named(run, five, tmp_path):
    for name in ("some-3", "some-12", "some-2", "some-new", "some", "another-3"):
        (tmp_path / f"{name}.tar.xz").write_bytes(b"old")
    out = call("export", run, "--to", tmp_path / "some.tar.xz", "--parts", 2, "--store", tmp_path / "store")
    assert out.returncode == 0
    said = "not of this export, but beside it: some-3.tar.xz, some-12.tar.xz"
    assert [line for line in out.stdout.splitlines() if not line.startswith("wrote ")] == [said]


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("evidence.tar.xz", "evidence-2.tar.xz"),
        ("bios-v0.1.tar.xz", "bios-v0.1-2.tar.xz"),
        ("bios-v0.1.pack", "bios-v0.1-2.pack"),
        ("evidence", "evidence-2"),
        (".p.tar.xz", ".p-2.tar.xz"),
        (".p", ".p-2"),
        (".tar.xz", ".tar-2.xz"),
    ],
)
def test_the_number_stands_before_the_suffix(name, second):
    assert numbered(name, 2) == second


def test_a_run_with_nothing_but_weights_has_no_evidence(run, tmp_path):
    given = load(run / "record.json")
    (run / "record.json").write_text(
        dump(given.model_copy(update={"artifacts": given.artifacts[:1]})), encoding="utf-8"
    )
    out = call("export", run, "--to", tmp_path / "x.tar.xz", "--store", tmp_path / "store")
    assert "no evidence to pack" in out.stderr
    assert packs(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "nowhere", "--to", "x.tar.xz"], "no record at nowhere"),
        (["export", "RUN", "--to", "."], "is no file in a folder that is there"),
        (["export", "RUN", "--to", "absent/x.tar.xz"], "is no file in a folder that is there"),
        (["export", "RUN", "--to", "x.tar.xz", "--store", "EMPTY"], "is not in"),
        (["import", "nothing.tar.xz"], "no evidence pack at nothing.tar.xz"),
        (["import", "RUN/record.json", "--store", "EMPTY"], "is no evidence pack, or is damaged"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    named = [one.replace("RUN", str(run)).replace("EMPTY", str(tmp_path / "empty")) for one in arguments]
    out = call(*named)
    assert out.returncode not in (0, 1)
    assert message in out.stderr
    assert len(out.stderr.strip().splitlines()) == 1
