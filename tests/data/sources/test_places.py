"""A source's files: local copies first, then the hub's cache; what is missing comes with the command that gets it."""

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from itl_bench.data.sources.loading import first_found
from itl_bench.data.sources.places import find_files, hub_command
from itl_bench.data.sources.spec import MissingDatasetError, SourceSpec
from itl_bench.errors import UsageError

FIELDS = {"instruction": "q", "output": "a"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def source(**given):
    return SourceSpec(**{"fields": FIELDS, **given})


def put(path, text="[]"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("ITL_DATA_DIR", str(folder))
    return folder


def test_the_data_folder_goes_before_the_folder_of_the_yaml_file(tmp_path, data_dir):
    beside = put(tmp_path / "cases" / "x.json")
    assert find_files("x", source(path="x.json"), beside.parent).files == (beside,)
    there = put(data_dir / "x.json")
    assert find_files("x", source(path="x.json"), beside.parent).files == (there,)
    assert find_files("x", source(path=str(beside))).files == (beside,)


def test_a_folder_needs_all_its_files_in_order_of_name(data_dir):
    shards = source(path="x", files=["b.json", "part-*"])
    put(data_dir / "x" / "part-2")
    put(data_dir / "x" / "part-1")
    with pytest.raises(MissingDatasetError, match=r"put it at \$ITL_DATA_DIR/x \(a folder with b.json, part-\*\)"):
        find_files("x", shards)
    put(data_dir / "x" / "b.json")
    assert [path.name for path in find_files("x", shards).files] == ["b.json", "part-1", "part-2"]


def test_what_is_missing_says_where_it_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("ITL_DATA_DIR", raising=False)
    expected = r"^x: missing dataset; put it at \$ITL_DATA_DIR/x.json \(ITL_DATA_DIR is not set\) or .*cases/x.json$"
    with pytest.raises(MissingDatasetError, match=expected):
        find_files("x", source(path="x.json"), tmp_path / "cases")
    monkeypatch.setenv("ITL_DATA_DIR", str(tmp_path / "typo"))
    with pytest.raises(UsageError, match="typo: no such folder"):
        find_files("x", source(path="x.json"))


def test_the_command_takes_names_or_patterns():
    hub = {"hub": "org/name", "revision": COMMIT}
    end = f"--repo-type dataset --revision {COMMIT}"
    assert hub_command(source(**hub, files=["a.json"])) == f"hf download org/name a.json {end}"
    mixed = hub_command(source(**hub, files=["a.json", "data/train-*"]))
    assert mixed == f"hf download org/name {end} --include a.json --include 'data/train-*'"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give 'path'"),
        ({"hub": "org/name", "files": ["a"]}, "'hub' needs 'revision'"),
        ({"hub": "org/name", "revision": COMMIT}, "'hub' needs 'files'"),
        ({"path": "x", "revision": COMMIT}, "give 'hub' too"),
        ({"path": "x", "partial": True}, "'partial' needs 'rows'"),
        ({"path": "x", "files": ["../y"]}, "leads out of it"),
        ({"hub": "a/b/c", "revision": COMMIT, "files": ["x"]}, "hub"),
        ({"path": "x", "sha256": "abc"}, "sha256"),
        ({"path": "x", "split": "train"}, "split"),
        ({"path": "x", "fields": {"instruction": "q", "messages": "m"}}, "either 'messages', or 'instruction'"),
        ({"path": "x", "fields": {}}, "either 'messages', or 'instruction'"),
        ({"path": "x", "fields": {"messages": "m", "input": "i"}}, "go without it"),
        ({"path": "x", "fields": {"instruction": "q", "prompt": "p"}}, "mean the same"),
        ({"path": "x", "fields": {"instruction": "q", "output": "a", "response": "b"}}, "mean the same"),
        ({"path": "x", "fields": {"instruction": "q", "no_input": ["none"]}}, "give 'input' too"),
    ],
)
def test_a_source_that_means_nothing_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        source(**given)


HUB = f"""
import sys
from itl_bench.data.sources.loading import first_found, load_items
from itl_bench.data.sources.spec import SourceSpec
given = dict(hub="org/name", revision=sys.argv[1], files=[sys.argv[2]], fields={FIELDS})
try:
    report = load_items("x", SourceSpec(**given), download=sys.argv[3] == "ask").report
    print(report.origin, report.kept, *report.notes)
except Exception as error:
    print(type(error).__name__, error)
"""


def hub(tmp_path, *arguments):
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", HUB, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_hub_s_cache_is_read_offline(tmp_path):
    pytest.importorskip("huggingface_hub")
    cache = tmp_path / "home" / "hub" / "datasets--org--name"
    shard = put(cache / "blobs" / "1", '{"q": "1 + 1?", "a": "2"}')
    (cache / "snapshots" / COMMIT / "data").mkdir(parents=True)
    (cache / "snapshots" / COMMIT / "data" / "train-0.jsonl").symlink_to(shard)
    put(cache / "refs" / "main", COMMIT)

    assert hub(tmp_path, COMMIT, "data/train-*", "ask") == f"org/name@{COMMIT} 1"
    moving = f"org/name@{COMMIT} 1 the revision 'main' moves: org/name@{COMMIT} was read"
    assert hub(tmp_path, "main", "data/train-*", "cache only") == moving

    absent = hub(tmp_path, COMMIT, "test.jsonl", "ask")
    command = f"hf download org/name test.jsonl --repo-type dataset --revision {COMMIT}"
    assert absent.startswith("MissingDatasetError x: missing dataset: ")
    assert f"get it with `{command}`" in absent
    other = COMMIT[::-1]
    uncached = hub(tmp_path, other, "test.jsonl", "ask")
    assert uncached.startswith("MissingDatasetError x: missing dataset: not in the hub's cache")
    assert f"--revision {other}`" in uncached


def asked(monkeypatch, error):
    """Let the hub fail, and note whether it was asked or its cache alone was looked at."""
    package = pytest.importorskip("huggingface_hub")
    calls = []

    def fail(*_, local_files_only, **__):
        calls.append(local_files_only)
        raise error

    monkeypatch.setattr(package, "snapshot_download", fail)
    return calls


def test_the_cache_goes_before_a_download_and_no_download_means_none(monkeypatch):
    calls = asked(monkeypatch, FileNotFoundError())
    given = source(hub="org/name", revision=COMMIT, files=["a"])
    for download, expected in ((False, [True]), (True, [True, False])):
        calls.clear()
        with pytest.raises(MissingDatasetError):
            first_found("x", given, download=download)
        assert calls == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "GatedRepoError",
            "org/name is gated; accept its terms at https://.*/datasets/org/name first, log in with `hf auth login`",
        ),
        ("RepositoryNotFoundError", "the hub has no org/name at 0123"),
        ("RevisionNotFoundError", "the hub has no org/name at 0123"),
    ],
)
def test_what_the_hub_refuses_says_what_to_do(monkeypatch, name, message):
    kind = getattr(pytest.importorskip("huggingface_hub.errors"), name)
    asked(monkeypatch, kind.__new__(kind))  # made without the answer of a server that its constructor asks for
    with pytest.raises(MissingDatasetError, match=f"{message}.*`hf download org/name a "):
        find_files("x", source(hub="org/name", revision=COMMIT, files=["a"]))


@pytest.mark.parametrize(
    ("download", "offline", "said"), [(False, False, False), (True, True, False), (True, False, True)]
)
def test_only_a_hub_that_was_asked_was_not_reached(monkeypatch, download, offline, said):
    monkeypatch.setattr(pytest.importorskip("huggingface_hub").constants, "HF_HUB_OFFLINE", offline)
    asked(monkeypatch, FileNotFoundError())
    with pytest.raises(MissingDatasetError, match=r"not in the hub's cache.*`hf download org/name a ") as caught:
        find_files("x", source(hub="org/name", revision=COMMIT, files=["a"]), download=download)
    assert ("the hub was not reached (FileNotFoundError)" in str(caught.value)) == said


@pytest.mark.parametrize("name", [None, "GatedRepoError"])
def test_a_dataset_under_terms_says_so_once_whether_or_not_the_hub_was_asked(monkeypatch, name):
    errors = pytest.importorskip("huggingface_hub.errors")
    kind = getattr(errors, name) if name else FileNotFoundError
    asked(monkeypatch, kind.__new__(kind))
    with pytest.raises(MissingDatasetError) as caught:
        find_files("x", source(hub="GAIR/lima", revision=COMMIT, files=["a"]), download=bool(name))
    assert str(caught.value).count("accept its terms at https://huggingface.co/datasets/GAIR/lima first") == 1


def test_without_the_hub_s_package_the_message_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    given = source(path="x.json", hub="org/name", revision=COMMIT, files=["a"])
    with pytest.raises(MissingDatasetError, match=r"pip install 'itl_bench\[data\]'; then get it with `hf download"):
        find_files("x", given)


def test_the_first_of_several_sources_that_is_here_is_taken(data_dir):
    here, also = put(data_dir / "b.json"), put(data_dir / "c.json")
    sources = [source(path=name, rows=rows) for rows, name in enumerate(["a.json", "b.json", "c.json"], start=1)]
    chosen, found = first_found("x", sources)
    assert (chosen.rows, found.files) == (2, (here,))
    partial = source(path="b.json", rows=2, partial=True)
    assert first_found("x", [partial, sources[2]])[1].files == (also,)
    assert first_found("x", [partial, sources[0]])[1].files == (here,)
    here.unlink()
    also.unlink()
    with pytest.raises(MissingDatasetError) as caught:
        first_found("x", sources)
    assert [f"{name}.json" in line for name, line in zip("abc", str(caught.value).splitlines(), strict=True)] == [
        True
    ] * 3
