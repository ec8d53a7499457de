"""A name that nothing declares, and entries that fit nothing: one line with the nearest match, never silence."""

import pytest

from tests.helpers.broken_catalog import (
    C01,
    C03,
    C04,
    C09,
    C15,
    C17,
    C18,
    C19,
    assert_says,
    change,
    copied,
    the_complaint,
)

C16 = "claims/c16-invention-fills-length.yaml"
PUBLISHED = "[{table: token_shift, measure: token-shift, unit: model-x-dataset-family}]"
COLUMNS = "columns: [factuality]\n    smallest_effect: 0.1"
TWIN = (
    "- {name: lima-simple-1k, title: t, family: f, levels: [paper], source: s, "
    "mean_tokens: 1, probes: [just-eval], rows: 5}"
)
# id -> file, what is replaced, by what, what the line must say beside the file's name
KINDS = {
    # names in claims
    "model of a side": (C04, "{model: llama7b}", "{model: lama7b}", ["compare.0.left.model", "'lama7b'", "'llama7b'?"]),
    "model in another case": (C04, "{model: llama7b}", "{model: Llama7B}", ["'Llama7B'", "did you mean 'llama7b'?"]),
    "method of a side": (C01, "{method: lora}", "{method: lroa}", ["compare.0.right.method", "'lroa'", "'lora'?"]),
    "method of a trend": (C03, "{method: lora}", "{method: lorra}", ["compare.0.within.method", "'lorra'", "'lora'?"]),
    "dataset of a side": (
        C09, "tulu-1k", "tullu-1k", ["compare.0.left.dataset", "'tullu-1k'", "did you mean 'tulu-1k'?"],
    ),
    "dataset without its size": (C09, "tulu-1k", "tulu", ["compare.0.left.dataset: unknown dataset 'tulu'", "'tulu-"]),
    "probe of a side": (C04, "{model: llama7b}", "{model: llama7b, probe: just-evl}", ["left.probe", "'just-eval'?"]),
    "model of the axes": (C04, "model: [paper]", "model: [paper, lama7b]", ["axes.model", "'lama7b'", "'llama7b'?"]),
    "level of the axes": (
        C01, "[bios, small, paper]", "[bios, smal, paper]", ["axes.model: unknown model or level 'smal'"],
    ),
    "dataset of the axes": (C09, "[tulu, ", "[tullu, ", ["axes.dataset: unknown dataset 'tullu'", "'tulu'?"]),
    "dataset of the axes with a size": (
        C09, "[tulu, ", "[tulu-1k, ", ["axes.dataset: unknown dataset 'tulu-1k'", "'tulu'?"],
    ),
    "method of the axes": (C04, "[lora, full]", "[lora, ful]", ["axes.method: unknown method 'ful'", "'full'?"]),
    "probe of a measure": (
        C04, "just-eval,", "just-evil,", ["measures.0.probes: unknown probe 'just-evil'", "'just-eval'?"],
    ),
    "measure": (
        C16, "measure: claim-precision", "measure: claim-precison", ["measures.0.measure", "'claim-precision'?"],
    ),
    "column of a measure": (C17, "[factuality]", "[factualty]", ["measures.0.columns", "'factualty'", "'factuality'?"]),
    "margin of no column": (
        C17, COLUMNS, COLUMNS[:-3] + "{factualty: 1}", ["smallest_effect: unknown column 'factualty'"],
    ),
    "margin lacks a column": (
        C17, COLUMNS, "columns: [depth, clarity]\n    smallest_effect: {depth: 0.1}",
        ["measures.0.smallest_effect: no smallest effect for the column 'clarity'; add one"],
    ),
    "published measure": (
        C01, "measure: token-shift, unit", "measure: token-shit, unit", ["published.0.measure", "'token-shift'?"],
    ),
    "published model": (C15, "models: [llama7b]", "models: [lama7b]", ["published.0.models", "'lama7b'", "'llama7b'?"]),
    "quantity": (
        C18, "hallucinated_spans_in", "halucinated_spans_in", ["published.0.quantity", "'hallucinated_spans_in"],
    ),
    "cell on the left": (
        C19, "left: full-lima", "left: full-lma", ["published.0.left: unknown cell 'full-lma'", "'full-lima'?"],
    ),
    "cell on the right": (C19, "right: lora-lima", "right: lora-lma", ["published.0.right: unknown cell 'lora-lma'"]),
    # names in lists
    "table of a model": (
        "models.yaml", "familiarity: gemma270m", "familiarity: gema270m",
        ["gemma270m: familiarity: unknown table of familiarity 'gema270m'", "did you mean 'gemma270m'?"],
    ),
    "probe of a profile": (
        "profiles.yaml", "probes: [atlas-known, atlas-taught]", "probes: [atlas-knwon]",
        ["small-quick: probes: unknown probe 'atlas-knwon'", "did you mean 'atlas-known'?"],
    ),
    "probe of a dataset": (
        "datasets.yaml", "[just-eval]", "[just-evl]", ["alpaca: probes: unknown probe 'just-evl'", "'just-eval'?"],
    ),
    "table of a judge": ("judges.yaml", "judge_scores.csv", "judge_score.csv", ["spread_table", "'judge_scores.csv'?"]),
    # entries that fit nothing
    "dataset ids that collide": (
        "datasets.yaml", "- name: alpagasus", f"{TWIN}\n- name: alpagasus",
        ["the id 'lima-simple-1k' also comes from 'lima-simple'; rename one"],
    ),
    "id declared twice in a list": (
        "methods.yaml", "{id: chat,", "{id: base,", ["id: 'base' is declared twice", "rename one"],
    ),
    "pattern of an unknown claim": (
        "mechanisms.yaml", '"C18-*"', '"C28-*"', ["M2: cases: no case matches 'C28-*'", "'C27'?"],
    ),
    "pattern of no case": (
        "mechanisms.yaml", "C10a-*-knowledge-*", "C10a-*-knowlege-*",
        ["M1: cases: no case matches 'C10a-*-knowlege-*'; its ids look like 'C10a-"],
    ),
    "pattern of a headline that no case fits": (
        "mechanisms.yaml", "C19-published-llama7b-lima-*", "C19-published-llama7b-lma-*",
        ["M2: headline.cases: no case matches 'C19-published-llama7b-lma-*'; its ids look like 'C19-published-"],
    ),
    "published entry without rows": (
        C01, PUBLISHED, PUBLISHED.replace("unit", "models: [phi1.5], unit"), ["published.0: no r"],
    ),
    "second published entry without rows": (
        C01, PUBLISHED, PUBLISHED[:-1] + ", {table: token_shift, measure: token-shift, unit: cell, models: [phi1.5]}]",
        ["published.1: no row of token_shift.csv"],
    ),
    "table without the columns": (
        C01, "table: token_shift", "table: aspect_scores", ["published.0.table", "accepted: token_shift"],
    ),
    "rows for a single number": (
        C18, "table: other_figures", "table: token_shift", ["published.0.table", "other_figures"],
    ),
    "claim without measured cases": (C16, "model: [paper]", "model: [bios]", ["evidence: no measured case"]),
    "cases of one id": (
        C01, "compare:\n", "compare:\n  - {left: {method: full}, right: {method: lora}}\n", ["share the id 'C01-pub"],
    ),
    "probe given twice": (C16, "[just-eval]", "[just-eval, just-eval]", ["share the id 'C16-measured", "more ids)"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_nothing_declares_is_one_clear_line(tmp_path, kind):
    file, old, new, parts = KINDS[kind]
    folder = copied(tmp_path)
    change(folder, file, old, new)
    assert_says(the_complaint(folder), str(folder / file), *parts)


def test_the_same_name_for_a_model_and_a_dataset_blames_the_right_file(tmp_path):
    folder = copied(tmp_path)
    change(folder, "methods.yaml", "- {id: base,", "- {id: alpaca, title: t, trains: none}\n- {id: base,")
    change(folder, "datasets.yaml", "[just-eval]", "[just-evl]")
    assert_says(the_complaint(folder), str(folder / "datasets.yaml"), "alpaca: probes")


def test_two_claim_files_with_one_id_are_one_line(tmp_path):
    folder = copied(tmp_path)
    change(folder, C04, "id: C04", "id: C03")
    assert_says(the_complaint(folder), str(folder / C04), "id: 'C03' is declared twice", str(folder / C03))
