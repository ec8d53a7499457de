"""Files and folders that are missing, misnamed or unreadable, and YAML that is none; a user's own folder."""

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.yaml_file import read_yaml
from itl_bench.errors import UsageError
from tests.helpers.broken_catalog import C01, assert_says, change, copied, the_complaint

MODEL = "- {id: mine7b, title: Mine, level: paper, parameters: 7000000000, weights: {folder: mine}}\n"
# id -> file, its new content, line that is named (0: none), what the line must say
SYNTAX = {
    "empty file": ("models.yaml", "", 0, ["the file is empty; restore it"]),
    "only a comment": ("models.yaml", "# models\n", 0, ["the file is empty"]),
    "empty list": ("models.yaml", "[]\n", 0, ["expected a list of entries", "found nothing"]),
    "text in place of a list": ("models.yaml", "llama7b\n", 0, ["expected a list of entries", "found text"]),
    "mapping in place of a list": (
        "models.yaml", "id: llama7b\n", 0, ["expected a list of entries", "found a mapping"],
    ),
    "list in place of a claim": (C01, "- id: C01\n", 0, ["expected a mapping", "found a list"]),
    "text in place of a claim": (C01, "C01\n", 0, ["expected a mapping", "found text"]),
    "text in place of an entry": ("models.yaml", "- llama7b\n", 0, ["entry 1: expected a mapping", "found text"]),
    "number in place of a claim": (C01, "1\n", 0, ["expected a mapping", "found 1"]),
    "empty claim": (C01, "", 0, ["the file is empty"]),
    "bracket left open": (C01, "id: C01\naxes: [bios\nexpect: greater\n", 3, ["not valid YAML"]),
    "quote left open": (C01, "id: C01\nstatement: 'it\n", 3, ["not valid YAML", "unexpected end"]),
    "colon in plain text": (C01, "id: C01\nstatement: a: b\n", 2, ["not valid YAML", "mapping values are not allowed"]),
    "tab": (C01, "id: C01\naxes:\n\tmodel: [paper]\n", 3, ["not valid YAML", "indent with spaces, not with tabs"]),
    "key twice": (C01, "id: C01\nexpect: greater\nexpect: falling\n", 3, ["the key 'expect' stands twice"]),
    "nested key twice": (C01, "id: C01\naxes:\n  model: [a]\n  model: [b]\n", 4, ["the key 'model' stands twice"]),
    "unknown alias": (C01, "id: C01\naxes: *all\n", 2, ["not valid YAML", "undefined alias"]),
    "unknown tag": (C01, "id: !!python/object:os.system C01\n", 1, ["not valid YAML", "tag"]),
    "two documents": (C01, "id: C01\n---\nid: C02\n", 2, ["not valid YAML", "another document"]),
    "list as a key": (C01, "? [a]\n: b\n", 1, ["not valid YAML", "unhashable key"]),
    "no such day": (C01, "id: 2024-13-45\n", 0, ["not valid YAML", "month"]),
    "no such number": (C01, "id: 0x_\n", 0, ["not valid YAML"]),
    "control character": (
        C01, "id: C01\nstatement: \x01\n", 2, ["not valid YAML", "control characters are not allowed"],
    ),
    "not UTF-8": (C01, "id: C01\nstatement: é\n".encode("latin-1"), 2, ["not UTF-8 text (byte 0xe9)", "save the file"]),
    "UTF-16": (C01, "id: C01\n".encode("utf-16"), 1, ["not UTF-8 text (byte 0xff)"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", SYNTAX)
def test_a_file_that_is_no_catalog_file_is_one_line_with_its_number(tmp_path, kind):
    file, content, line, parts = SYNTAX[kind]
    folder = copied(tmp_path)
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_says(the_complaint(folder), f"{folder / file}:{f'{line}:' if line else ''} ", *parts)


def test_yaml_that_contains_itself_is_refused(tmp_path):
    folder = copied(tmp_path)
    change(folder, C01, "axes: {model: [bios, small, paper]", "axes: {model: &a [*a]")
    assert_says(the_complaint(folder), "axes.model.0")


def test_nesting_without_end_is_refused(tmp_path):
    problems = []
    (tmp_path / "deep.yaml").write_text("[" * 20_000 + "]" * 20_000, encoding="utf-8")
    read_yaml(tmp_path / "deep.yaml", problems)
    assert len(problems) == 1
    assert "not valid YAML" in problems[0]


def test_merge_keys_and_a_byte_order_mark_are_accepted(tmp_path):
    problems = []
    (tmp_path / "a.yaml").write_text("\ufeffx: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml", problems) == {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}}
    assert not problems


@pytest.mark.parametrize("name", ["models.yaml", "published/token_shift.csv"])
def test_a_missing_file_is_one_line(tmp_path, name):
    folder = copied(tmp_path)
    (folder / name).unlink()
    assert_says(the_complaint(folder), str(folder / name), "the file is missing; restore it from the repository")


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path):
    folder = copied(tmp_path)
    (folder / "models.yaml").unlink()
    (folder / "models.yaml").mkdir()
    assert_says(the_complaint(folder), str(folder / "models.yaml"), "the file cannot be read: Is a directory")


def own(tmp_path, **files):
    folder = tmp_path / "own"
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("modles.yaml", ["unknown catalog file 'modles.yaml'", "did you mean 'models.yaml'?"]),
        ("models.yml", ["unknown catalog file 'models.yml'", "did you mean 'models.yaml'?"]),
        ("claims/c28.yml", ["unknown catalog file 'c28.yml'; did you mean 'c28.yaml'?"]),
        ("claim/c28.yaml", ["unknown catalog folder 'claim'", "did you mean 'claims'?"]),
        ("published/aspect_score.csv", ["unknown catalog file 'aspect_score.csv'", "'aspect_scores.csv'?"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("where", ["own", "folder"])
def test_a_misspelt_file_name_is_no_silence(tmp_path, name, parts, where):
    folder = own(tmp_path, models_yaml=MODEL) if where == "own" else copied(tmp_path)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(MODEL, encoding="utf-8")
    line = the_complaint(None, own=folder) if where == "own" else the_complaint(folder)
    assert_says(line, str(folder / name.split("/")[0]), *parts)


def test_no_such_folder_a_file_and_an_empty_folder(tmp_path):
    assert_says(the_complaint(None, own=tmp_path / "no"), f"no catalog folder at {tmp_path / 'no'}; give a folder")
    assert_says(the_complaint(tmp_path / "no"), f"no catalog folder at {tmp_path / 'no'}; give a folder")
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert_says(the_complaint(None, own=tmp_path / "file"), f"{tmp_path / 'file'}, which is a file; give a folder")
    (tmp_path / "empty").mkdir()
    assert_says(the_complaint(None, own=tmp_path / "empty"), "holds no catalog file; accepted are models.yaml")


def test_a_misspelt_name_in_an_own_claim_names_the_own_file(tmp_path):
    text = (copied(tmp_path) / C01).read_text(encoding="utf-8").replace("dataset: all", "dataset: [alpacca]")
    folder = own(tmp_path, claims__mine_yaml=text)
    line = the_complaint(None, own=folder)
    assert_says(line, str(folder / "claims" / "mine.yaml"), "axes.dataset: unknown dataset 'alpacca'", "'alpaca'?")


def test_an_own_entry_adds_to_the_grid_or_replaces_one(tmp_path):
    replaced = "- {id: lora, title: My LoRA, trains: adapter, parameters: {rank: 4, use_rslora: true}}\n"
    catalog = load_catalog(own=own(tmp_path, models_yaml=MODEL, methods_yaml=replaced))
    shipped = load_catalog()
    assert "mine7b" in {model for case in build_grid(catalog) for model in case.models}
    assert catalog.methods["lora"].title == "My LoRA"
    assert catalog.methods["lora"].parameters["use_rslora"] is True
    assert list(catalog.methods) == list(shipped.methods)
    assert catalog.sha256 != shipped.sha256


def test_an_own_table_replaces_the_shipped_one(tmp_path):
    folder = own(tmp_path, published__x="")
    (folder / "published" / "x").unlink()
    lines = ["model,method,size,kl_first_5_percent,kl_last_95_percent"]
    lines += [f"llama7b,{method},{size},0.5,0.1" for method in ("lora", "full") for size in ("1k", "52k")]
    (folder / "published" / "sentence_start_kl.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = load_catalog(own=folder).tables.rows
    assert [row.values["drop"] for row in rows if row.table == "sentence_start_kl"] == [0.4] * 4


def test_a_mistake_in_an_own_table_names_the_own_file(tmp_path):
    folder = own(tmp_path, published__sentence_start_kl="")
    (folder / "published" / "sentence_start_kl").rename(folder / "published" / "sentence_start_kl.csv")
    assert_says(the_complaint(None, own=folder), f"{folder / 'published' / 'sentence_start_kl.csv'}: the file is empty")


def test_a_wrong_catalog_is_an_error_of_usage(tmp_path):
    with pytest.raises(UsageError):
        load_catalog(folder=tmp_path)
