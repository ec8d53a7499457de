import csv
import math
from collections import Counter, defaultdict

import pytest

from tests.helpers.oracle import ASPECTS, COPY, TASKS, table
from tests.helpers.shipped_catalog import CASES, catalog

# As counted in the paper's Tables 13-15, Tables 16-17, Figure 1 (per metric), Figure 4.
COUNTS = {"aspect_scores": 155, "task_scores": 25, "token_shift": 55 + 55 + 54, "sentence_start_kl": 8}
PAIRS = {"llama7b": 21, "llama13b": 18, "llama70b": 8, "mistral7b": 12, "phi1.5": 12}
CLEAN = {"llama7b": 21, "llama13b": 17, "llama70b": 7, "mistral7b": 12, "phi1.5": 12}
GAPS = {
    "llama7b": (0.74, 0.68, 0.87, 0.42, 0.30),
    "llama13b": (0.89, 0.80, 0.99, 0.53, 0.37),
    "llama70b": (0.72, 0.65, 0.95, 0.55, 0.05),
    "mistral7b": (3.06, 2.89, 2.98, 2.47, 2.32),
    "phi1.5": (0.58, 0.50, 0.72, 0.48, 0.39),
}


def lines(name):
    with (CASES / "published" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pairs():
    by_cell = {}
    for line in lines("aspect_scores"):
        by_cell[line["model"], line["dataset"], line["size"], line["eval"], line["method"]] = line
    return [
        (left, by_cell[*key[:4], "full"])
        for key, left in by_cell.items()
        if key[4] == "lora" and (*key[:4], "full") in by_cell
    ]


def rows(name):
    return [row for row in catalog().tables.rows if row.table == name]


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_a_table_has_as_many_lines_as_the_paper(name, count):
    assert len(lines(name)) == count


def test_no_line_is_lost_on_reading_but_the_one_printed_incompletely():
    assert len(rows("aspect_scores")) == 155
    assert len(rows("task_scores")) == 24
    assert len(rows("sentence_start_kl")) == 8
    assert len(rows("token_shift")) == 56  # 2 models x 2 methods x (4 + 4 + 6) sizes
    assert sum(len(row.values) - ("log_kl" in row.values) for row in rows("token_shift")) == 164


def test_there_are_71_pairs_of_lora_and_full_and_69_without_copies():
    found = pairs()
    clean = [(left, right) for left, right in found if COPY not in (left["flag"], right["flag"])]
    assert (len(found), len(clean)) == (71, 69)
    assert Counter(left["model"] for left, _ in found) == PAIRS
    assert Counter(left["model"] for left, _ in clean) == CLEAN


@pytest.mark.parametrize("model", GAPS)
def test_the_mean_gap_of_lora_over_full_is_the_known_one(model):
    some = [(left, right) for left, right in pairs() if left["model"] == model]
    means = [sum(float(left[name]) - float(right[name]) for left, right in some) / len(some) for name in ASPECTS]
    assert means == pytest.approx(GAPS[model], abs=0.0051)


def test_copied_rows_are_flagged_and_nothing_else_is():
    """Five equal scores are a copy; of each group all rows but one carry the flag."""
    groups = defaultdict(list)
    for line in lines("aspect_scores"):
        groups[tuple(line[name] for name in ASPECTS)].append(line["flag"] == COPY)
    copies = [flags for flags in groups.values() if len(flags) > 1]
    assert copies
    assert all(flags.count(False) == 1 for flags in copies)
    assert not any(flags[0] for flags in groups.values() if len(flags) == 1)


def test_the_judge_that_scores_itself_is_flagged():
    flagged = {line["model"] for line in lines("aspect_scores") if line["flag"] == "judge-equals-contestant"}
    assert flagged == {"gpt-4-1106-preview"}


@pytest.mark.parametrize(("name", "columns"), [("aspect_scores", ASPECTS), ("task_scores", TASKS)])
def test_scores_are_read_as_printed(name, columns):
    printed = {
        (line["model"], line["method"], line["dataset"], line["size"], line.get("eval", "just-eval")): line
        for line in lines(name)
    }
    for row in rows(name):
        line = printed[row.model, row.method, row.dataset, row.size, row.probe]
        assert row.values == {column: float(line[column]) for column in columns}
        assert row.flag == line["flag"]


def test_the_columns_of_a_shift_are_plain_arithmetic():
    printed = table("token_shift").set_index(["model", "method", "dataset", "size", "metric"])["value"].to_dict()
    for row in rows("token_shift"):
        cell = (row.model, row.method, row.dataset, row.size)
        expected = {}
        if (*cell, "kl") in printed:
            expected |= {"kl": printed[*cell, "kl"], "log_kl": math.log(printed[*cell, "kl"])}
        if (*cell, "base_prob") in printed:
            expected["base_improbability"] = 1 - printed[*cell, "base_prob"]
        if (*cell, "base_rank0") in printed:
            expected["base_rank"] = printed[*cell, "base_rank0"] + 1  # the figure counts from 0
        assert row.values == pytest.approx(expected)
        assert row.probe == ("medinstruct-test" if row.dataset == "medinstruct" else "just-eval")


def test_ratio_and_drop_of_a_sentence_are_plain_arithmetic():
    printed = {(line["model"], line["method"], line["size"]): line for line in lines("sentence_start_kl")}
    for row in rows("sentence_start_kl"):
        line = printed[row.model, row.method, row.size]
        first, last = float(line["kl_first_5_percent"]), float(line["kl_last_95_percent"])
        assert row.values == pytest.approx({"log_ratio": math.log(first / last), "drop": first - last})


def test_the_relative_drops_are_those_the_paper_prints():
    """Percent relative to the last 95%, printed in the paper beside the means."""
    printed = {
        ("llama7b", "lora", "1k"): 269.23, ("llama7b", "full", "1k"): 83.05, ("llama70b", "lora", "1k"): 185.71,
        ("llama70b", "full", "1k"): 46.93, ("llama7b", "lora", "52k"): 161.11, ("llama7b", "full", "52k"): 45.94,
        ("llama70b", "lora", "52k"): 133.33, ("llama70b", "full", "52k"): 39.62,
    }  # fmt: skip
    ratios = {(row.model, row.method, row.size): math.exp(row.values["log_ratio"]) for row in rows("sentence_start_kl")}
    assert {key: 100 * (ratio - 1) for key, ratio in ratios.items()} == pytest.approx(printed, abs=0.011)
