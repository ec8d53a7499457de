"""Weights of the hub: from its cache without a network, and what the hub answers as one line."""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.weights.hub import why_not_fetched
from itl_bench.data.weights.places import identity, why_no_weights
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.errors import UsageError
from itl_bench.stages.base import materialise
from itl_bench.stages.loading import load_model
from tests.helpers.tiny_weights import logits, write_model

REVISION = "ab" * 20
SPEC = WeightsSpec(hub="org/name", revision=REVISION)
COMMAND = f"hf download org/name --revision {REVISION} --exclude '*.bin' --exclude '*.pth'"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub, offline."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.fixture
def snapshot(cache, tmp_path):
    """A cached repository in the hub's layout: names are links to blobs, large ones named after their sha256."""
    repository = cache / "models--org--name"
    snapshot, blobs = repository / "snapshots" / REVISION, repository / "blobs"
    for folder in (snapshot, blobs, repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text(REVISION)
    for path in write_model(tmp_path / "source", shard="4KB").iterdir():
        content = path.read_bytes()
        large = path.suffix == ".safetensors"
        blob = blobs / (hashlib.sha256 if large else hashlib.sha1)(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob.name}")
    return snapshot


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def refused(target):
    with pytest.raises(UsageError) as error:
        materialise(SPEC, target)
    assert "\n" not in str(error.value)
    assert not list(target.iterdir())
    return str(error.value)


def test_a_cached_snapshot_is_used_as_it_is(snapshot, target, tmp_path):
    assert why_no_weights(SPEC) is None
    assert identity(SPEC) == {"hub": "org/name", "revision": REVISION}
    materialise(SPEC, target, expected=identity(SPEC))
    assert (logits(load_model(target)) == logits(load_model(tmp_path / "source"))).all()
    assert not any(path.is_symlink() for path in target.iterdir())
    shards = list(target.glob("*.safetensors"))
    assert shards
    assert all(shard.samefile(snapshot / shard.name) for shard in shards)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HF_HUB_CACHE", "hub"), ("HUGGINGFACE_HUB_CACHE", "hub"), ("HF_HOME", ""), ("XDG_CACHE_HOME", "../xdg")],
)
def test_the_cache_is_found_where_the_hub_keeps_it(snapshot, tmp_path, monkeypatch, variable, value):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    if variable == "XDG_CACHE_HOME":
        (tmp_path / "xdg" / "huggingface").mkdir(parents=True)
        (tmp_path / "hub").rename(tmp_path / "xdg" / "huggingface" / "hub")
        monkeypatch.setenv(variable, str(tmp_path / "xdg"))
    else:
        monkeypatch.setenv(variable, str(tmp_path / value))
    assert why_no_weights(SPEC) is None


def test_another_revision_is_other_weights(snapshot):
    other = WeightsSpec(hub="org/name", revision="cd" * 20)
    assert f"org/name@{'cd' * 3}c is not on this machine" in why_no_weights(other)


def test_not_here_and_offline(cache, target):
    line = f"org/name@abababa is not on this machine; get it: {COMMAND}"
    assert why_no_weights(SPEC) == line
    assert refused(target) == f"{line} (the hub was not asked: HF_HUB_OFFLINE is set)"


def test_half_a_download(snapshot, target):
    min(snapshot.glob("*.safetensors")).unlink()
    line = why_no_weights(SPEC)
    assert line.startswith("org/name@abababa lacks model-00001-of-")
    assert line.endswith(f"{COMMAND} completes it")
    assert line in refused(target)


def test_a_damaged_blob(snapshot, target):
    blob = max(snapshot.glob("*.safetensors")).resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    line = refused(target)
    assert f"(sha256 {hashlib.sha256(content).hexdigest()[:8]}..., not {blob.name[:8]}...)" in line
    assert "--force-download" in line


class AnsweredError(Exception):
    """As the hub's package tells of an answer that is an error."""

    response = SimpleNamespace(status_code=503)


def after(cause):
    error = FileNotFoundError("not in the cache")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "offline", "words"),
    [
        (after(None), True, "the hub was not asked: HF_HUB_OFFLINE is set"),
        (after(ConnectionRefusedError()), False, "the hub cannot be reached: ConnectionRefusedError"),
        (OSError("no route"), False, "the hub cannot be reached: OSError"),
        (after(AnsweredError("no")), False, "the hub answered 503"),
    ],
    ids=str,
)
def test_not_asked_not_reached_and_an_answer_are_told_apart(error, offline, words):
    assert why_not_fetched(error, offline) == words


@pytest.mark.parametrize("model", ["llama7b", "llama70b"])
def test_a_model_under_a_licence_says_so_before_anybody_asks_the_hub(cache, model):
    spec = load_catalog().models[model].weights
    line = why_no_weights(spec)
    first = (
        f"accept its licence at https://huggingface.co/{spec.hub} first and log in with hf auth login, then get it: "
    )
    assert f"{first}hf download {spec.hub} --revision {spec.revision}" in line
    assert "reached" not in line
    assert "\n" not in line


def test_the_hub_s_package_is_not_needed_to_say_how(cache, target, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert refused(target) == f"{why_no_weights(SPEC)} (hf comes with pip install 'itl_bench[train]')"


class Hub(BaseHTTPRequestHandler):
    """A hub that gives one answer to everything."""

    answer = (404, "")

    def do_GET(self):
        status, code = self.answer
        body = json.dumps({"error": "no"}).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, "RepoNotFound"), ["the hub has no org/name", "https://huggingface.co/org/name"]),
        ((401, "RepoNotFound"), ["the hub has no org/name", "hf auth login"]),
        (
            (403, "GatedRepo"),
            [
                "org/name is gated",
                "accept its licence at https://huggingface.co/org/name first",
                "hf auth login",
                COMMAND,
            ],
        ),
        ((404, "RevisionNotFound"), [f"org/name has no revision {REVISION}", "/commits/main"]),
        ((400, ""), [COMMAND, "the hub answered 400"]),
    ],
    ids=str,
)
def test_what_the_hub_answers(cache, target, monkeypatch, answer, words):
    monkeypatch.setattr(Hub, "answer", answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    try:
        line = refused(target)
    finally:
        server.shutdown()
        server.server_close()
    assert all(word in line for word in words), line
