"""`itl-bench evidence`: from the record of a run to one file, and into another store."""

import subprocess
import sys

import pytest

from itl_bench.record import ArtifactRecord, dump, load
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


def test_several_parts_hold_each_artifact_once(run, tmp_path):
    store, given = Store(tmp_path / "store"), load(run / "record.json")
    more = [Task("measure", {"measure": "style", "number": number}, (BASE.key,)) for number in range(4)]
    for task in more:
        with store.writing(task) as folder:
            (folder / "table.json").write_text("{}", encoding="utf-8")
    made = [given.artifacts[1].model_copy(update={"key": one.key, "spec": dict(one.spec)}) for one in more]
    whole = given.model_copy(update={"artifacts": (*given.artifacts, *made)})
    (run / "record.json").write_text(dump(whole), encoding="utf-8")
    out = call("export", run, "--to", tmp_path / "some.tar.xz", "--parts", 2, "--store", store.root)
    assert [line.partition(" artifacts")[0] for line in out.stdout.splitlines()] == ["wrote 3", "wrote 2"]
    for number in (1, 2):
        taken = call("import", tmp_path / f"some-{number}.tar.xz", "--store", tmp_path / "other")
        assert ", 0 of them there before" in taken.stdout
    assert Store(tmp_path / "other").keys() == sorted(one.key for one in (TABLE, *more))


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
