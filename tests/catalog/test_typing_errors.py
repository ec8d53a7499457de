"""Property: a single wrong character in a name is never a name that is silently left out."""

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.errors import UsageError
from itl_bench.vocabulary import LEVELS
from tests.helpers.broken_catalog import C09, C17, C19, change, checked, copied

CLAIMS = [C09, C17, C19, "claims/c11-chat-models-beat-tunes.yaml", "claims/c26-other-families.yaml"]
KEYS = r"(?:model|models|dataset|method|probes|measure|columns|left|right): ?"
CATALOG = load_catalog()
NAMES = {
    *CATALOG.models, *CATALOG.datasets, *CATALOG.dataset_rows, *CATALOG.methods, *CATALOG.probes, *CATALOG.measures,
    *LEVELS, *(figure.cell for figure in CATALOG.tables.figures), "best", "all",
    *(column for measure in CATALOG.measures.values() for column in measure.columns),
}  # fmt: skip


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("typed"))


def places(text):
    """Where a value of a key that holds names stands: (start, end) of each name."""
    for match in re.finditer(KEYS + r"(\[[^\]]*\]|[a-z0-9.\-_]+)", text):
        for name in re.finditer(r"[a-z0-9][a-z0-9.\-_]*", match[1]):
            yield match.start(1) + name.start(), match.start(1) + name.end()


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_one_wrong_character_in_a_name_is_found_or_makes_another_declared_name(scratch, data):
    path = scratch / data.draw(st.sampled_from(CLAIMS))
    text = path.read_text(encoding="utf-8")
    start, end = data.draw(st.sampled_from(list(places(text))))
    name = text[start:end]
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789.-_ABC"))
    edits = {"replace": name[:at] + letter + name[at + 1 :], "insert": name[:at] + letter + name[at:]}
    edited = data.draw(st.sampled_from([*edits.values(), name[:at] + name[at + 1 :]]))
    assume(edited != name)
    path.write_text(text[:start] + edited + text[end:], encoding="utf-8")
    message = ""
    try:
        build_grid(load_catalog(folder=scratch))
    except UsageError as error:
        message = str(error)
    finally:
        path.write_text(text, encoding="utf-8")
    checked(message)
    assert edited in NAMES or (edited in message and path.name in message), (name, edited, message)


@pytest.mark.parametrize("name", ["alpaca", "llama7b", "lora", "just-eval", "aspects"])
def test_a_declaration_that_is_renamed_is_missed_by_all_who_use_it(tmp_path, name):
    folder = copied(tmp_path)
    for file in ("models.yaml", "datasets.yaml", "methods.yaml", "probes.yaml", "measures.yaml"):
        text = (folder / file).read_text(encoding="utf-8")
        if match := re.search(rf"(id|name): {name}\b(?!-)", text):
            change(folder, file, match[0], f"{match[0]}x")
            break
    with pytest.raises(UsageError) as caught:
        load_catalog(folder=folder)
    lines = checked(str(caught.value))
    assert all(f"'{name}'" in line or f"'{name}-" in line for line in lines)
    assert any(f"did you mean '{name}x'?" in line for line in lines)
