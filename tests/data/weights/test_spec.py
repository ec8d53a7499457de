"""A weights entry has exactly one kind, and a mistake is one line that says what is accepted."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.catalog.explain import validate
from itl_bench.catalog.loading import shipped
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.store.keys import canonical

COMMIT, DIGEST = "ab" * 20, "cd" * 32
PAGE = shipped("cases").parent / "docs" / "models.md"
KINDS = {
    "shipped": {"shipped": "bios"},
    "hub": {"hub": "org/name", "revision": COMMIT},
    "folder": {"folder": "my/model"},
    "gguf": {"gguf": "a.gguf", "sha256": DIGEST},
    "package": {"package": "my-weights", "parts": ("my_weights:data/a.part0",), "sha256": DIGEST},
}
NAMES = {"shipped": "the shipped bios bases", "hub": "org/name@abababa", "package": "my-weights"}


def complaint(data):
    problems = []
    assert validate(WeightsSpec, data, "here", problems) is None
    (line,) = problems
    return line


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_accepted_and_survives_json(kind):
    spec = WeightsSpec.model_validate(KINDS[kind])
    assert spec.kind == kind
    assert spec.name == NAMES.get(kind, KINDS[kind][kind])
    assert WeightsSpec.model_validate_json(spec.model_dump_json()) == spec
    assert hash(spec) == hash(WeightsSpec.model_validate(KINDS[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_given_is_no_part_of_a_key(kind):
    assert canonical(WeightsSpec.model_validate(KINDS[kind])) == canonical(KINDS[kind])


@given(st.sets(st.sampled_from(sorted(KINDS))))
def test_exactly_one_kind(kinds):
    data = {key: value for kind in kinds for key, value in KINDS[kind].items()}
    if len(kinds) == 1:
        assert WeightsSpec.model_validate(data).kind in kinds
    else:
        assert "give exactly one of shipped, hub, folder, gguf, package" in complaint(data)


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("shipped", {"shipped": "boss"}, ["shipped", "'bios'"]),
        ("hub", {"revision": "main"}, ["revision: 'main' was given", "40 hexadecimal digits"]),
        ("hub", {"revision": COMMIT[:7]}, ["40 hexadecimal digits"]),
        ("hub", {"revision": 1234567}, ["revision", "text"]),
        ("hub", {"revision": COMMIT + "\n"}, ["40 hexadecimal digits"]),
        ("hub", {"hub": "name"}, ["hub: 'name' was given", "ORG/NAME"]),
        ("hub", {"hub": "../../etc"}, ["ORG/NAME"]),
        ("hub", {"hub": "org/.."}, ["ORG/NAME"]),
        ("hub", {"hub": "a/b/c"}, ["ORG/NAME"]),
        ("hub", {"hub": "org/näme"}, ["ORG/NAME"]),
        ("hub", {"sha256": DIGEST}, ["'sha256' goes with gguf or package only"]),
        ("folder", {"revision": COMMIT}, ["'revision' goes with hub only"]),
        ("folder", {"folder": ""}, ["folder", "not empty"]),
        ("gguf", {"sha256": DIGEST[:-1]}, ["64 small hexadecimal digits"]),
        ("gguf", {"sha256": DIGEST.upper()}, ["64 small hexadecimal digits"]),
        ("gguf", {"parts": ["a:b"]}, ["'parts' goes with package only"]),
        ("package", {"parts": []}, ["'package' needs 'parts'"]),
        ("package", {"parts": ["a.b:c"]}, ["parts.0", "MODULE:PATH"]),
        ("package", {"parts": ["a:/etc/passwd"]}, ["MODULE:PATH"]),
        ("package", {"parts": ["a:b/../../c"]}, ["MODULE:PATH"]),
        ("package", {"package": "a; rm -rf"}, ["the name of a package"]),
        ("hub", {"revisoin": COMMIT, "revision": COMMIT}, ["unknown key 'revisoin'", "'revision'?"]),
    ],
)
def test_mistakes(kind, changes, words):
    line = complaint(KINDS[kind] | changes)
    assert all(word in line for word in words), line


@pytest.mark.parametrize("kind", ["hub", "gguf", "package"])
def test_a_companion_that_is_missing_is_named(kind):
    for name in set(KINDS[kind]) - {kind}:
        data = {key: value for key, value in KINDS[kind].items() if key != name}
        assert f"'{kind}' needs '{name}'; add it" in complaint(data)


def test_a_path_beside_the_file_that_names_it(tmp_path, monkeypatch):
    monkeypatch.delenv("ITL_MODELS_DIR", raising=False)
    (tmp_path / "model").mkdir()
    (tmp_path / "a.gguf").touch()
    assert WeightsSpec(folder="model").beside(tmp_path).folder == str((tmp_path / "model").resolve())
    assert WeightsSpec(gguf="a.gguf", sha256=DIGEST).beside(tmp_path).gguf == str((tmp_path / "a.gguf").resolve())
    for path in ("elsewhere", "/model", "~/model"):
        assert WeightsSpec(folder=path).beside(tmp_path).folder == path
    hub = WeightsSpec.model_validate(KINDS["hub"])
    assert hub.beside(tmp_path) == hub


def test_the_users_own_folder_comes_before_that_of_the_file(tmp_path, monkeypatch):
    for place in ("cases", "models"):
        (tmp_path / place / "model").mkdir(parents=True)
    monkeypatch.setenv("ITL_MODELS_DIR", str(tmp_path / "models"))
    spec = WeightsSpec(folder="model")
    assert spec.beside(tmp_path / "cases") == spec
    (tmp_path / "models" / "model").rmdir()
    assert spec.beside(tmp_path / "cases").folder == str((tmp_path / "cases" / "model").resolve())


@pytest.mark.skipif(not PAGE.exists(), reason="only a checkout has the documents")
def test_the_examples_of_the_page_are_valid():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    entries = [entry for block in blocks for entry in yaml.safe_load(block)]
    kinds = [WeightsSpec.model_validate(entry["weights"]).kind for entry in entries]
    assert set(kinds) == {"hub", "folder", "gguf", "package"}
