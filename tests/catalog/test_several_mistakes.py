"""Several mistakes in one catalog: each is one line, and none hides another."""

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from tests.helpers.broken_catalog import C01, C04, C19, assert_says, change, complaints, copied, the_complaint


def test_the_copy_itself_is_fine(tmp_path):
    assert len(build_grid(load_catalog(folder=copied(tmp_path)))) > 2000


def test_several_mistakes_are_reported_at_once_each_on_its_line(tmp_path):
    folder = copied(tmp_path)
    change(folder, "models.yaml", "level: bios", "level: bois")
    change(folder, C01, "statement:", "statment:")
    change(folder, C04, "smallest_effect: 0.182322", "smallest_effect: -1")
    change(folder, C04, "expect: greater", "expect: graeter")
    change(folder, "published/aspect_scores.csv", "2.67,3.29", "6.0,x")
    change(folder, C19, "id: C19", "id: [C19")
    lines = complaints(folder)
    assert len(lines) == 7
    for part in ("models.yaml", "statment", "measures.0.smallest_effect", "'graeter'", "'6.0'", "'x'", C19):
        assert sum(part in line for line in lines) == 1, part


def test_a_wrong_claim_does_not_hide_the_wrong_names_of_others(tmp_path):
    folder = copied(tmp_path)
    change(folder, C04, "expect: greater", "expect: graeter")
    change(folder, C01, "method: lora", "method: lroa")
    lines = complaints(folder)
    assert len(lines) == 2
    for part in ("'graeter'", "'lroa'"):
        assert sum(part in line for line in lines) == 1, part


def test_several_unknown_names_are_reported_at_once(tmp_path):
    folder = copied(tmp_path)
    change(folder, C01, "method: lora", "method: lroa")
    change(folder, C01, "[bios, small, paper]", "[bios, smal, paper]")
    change(folder, C04, "just-eval", "just-evil")
    change(folder, "published/token_shift.csv", "llama7b,lora", "lama7b,lora")
    lines = complaints(folder)
    assert len(lines) == 4
    for part in ("'lroa'", "'smal'", "'just-evil'", "'lama7b'"):
        assert sum(part in line for line in lines) == 1, part


def test_a_name_misspelt_in_many_rows_is_one_line_that_counts_them(tmp_path):
    folder = copied(tmp_path)
    path = folder / "published" / "aspect_scores.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",tulu,", ",tullu,"), encoding="utf-8")
    line = the_complaint(folder)
    assert_says(line, "aspect_scores.csv:", "dataset: unknown dataset 'tullu'", "did you mean 'tulu'?", "more rows)")


def test_nothing_of_the_broken_catalog_is_touched(tmp_path):
    folder = copied(tmp_path)
    change(folder, C01, "id: C01", "id: C1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    the_complaint(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
