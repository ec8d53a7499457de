"""Cases that compare two published cells: every pair found again in the tables, every interval by hand."""

import pytest

from tests.helpers.oracle import ASPECTS, CHAT, COPY, TASKS, assert_agrees, of_answers, published_ids, rows_of, table
from tests.helpers.shipped_catalog import listed, records

PROMPTS = {"just-eval": 800, "medinstruct-test": 216}
GROUPS = next(probe["groups"] for probe in listed("probes") if probe["id"] == "just-eval")
IMPROVED = ("alpagasus-9k-vs-alpaca-52k", "evol-instruct-70k-vs-alpaca-52k")


def cells(name, columns):
    """(model, method, dataset with size, probe) -> (scores, is it a copy), of what is printed completely."""
    found = {}
    for row in table(name).to_dict("records"):
        data = f"{row['dataset']}-{row['size']}" if row["dataset"] else ""
        key = (CHAT.get(row["model"], row["model"]), row["method"], data, row.get("eval", "just-eval"))
        if row[columns[0]] == row[columns[0]]:  # not NaN
            found[key] = ({name: row[name] for name in columns}, row["flag"] in (COPY, "label-in-doubt"))
    return found


ASPECT_CELLS, TASK_CELLS = cells("aspect_scores", ASPECTS), cells("task_scores", TASKS)


def both(where, left, right, columns=None):
    """A pair of cells, each (model, method, data, probe)."""
    (one, copied), (other, also) = where[left], where[right]
    names = columns or list(one)
    return left[3], {name: (one[name], other[name]) for name in names}, copied or also


def largest_against_smallest():
    sizes = {}
    for model, method, data, probe in ASPECT_CELLS:
        if method == "lora":
            name, size = data.rsplit("-", 1)
            sizes.setdefault((model, name, probe), []).append(size)
    for (model, name, probe), some in sizes.items():
        large, small = max(some, key=rows_of), min(some, key=rows_of)
        if large != small:
            pair = ((model, "lora", f"{name}-{size}", probe) for size in (large, small))
            yield (
                f"C07-published-{model}-{name}-{large}-vs-{small}-lora-{probe}-aspects",
                "no-gain",
                both(ASPECT_CELLS, *pair),
            )


def lora_small_against_full_large():
    for model in ("llama7b", "llama13b", "llama70b"):
        pair = ((model, "lora", "tulu-1k", "just-eval"), (model, "full", "tulu-326k", "just-eval"))
        yield (
            f"C08-published-{model}-tulu-1k-vs-tulu-326k-lora-vs-full-just-eval-aspects",
            "greater",
            both(ASPECT_CELLS, *pair, ["helpfulness", "factuality"]),
        )
    for model in ("llama7b", "llama70b"):  # 13B has no such row of LoRA
        probe = "medinstruct-test"
        pair = ((model, "lora", "tulu-1k", probe), (model, "full", "medinstruct-52k", probe))
        key = f"C09-published-{model}-tulu-1k-vs-medinstruct-52k-lora-vs-full-{probe}-aspects"
        yield key, "greater", both(ASPECT_CELLS, *pair)


def chat_against_best():
    for model in CHAT.values():
        for probe in PROMPTS:
            chat, _ = ASPECT_CELLS[model, "chat", "", probe]
            tuned = [
                values
                for (name, method, _, asked), (values, copied) in ASPECT_CELLS.items()
                if (name, asked) == (model, probe) and method != "chat" and not copied
            ]
            values = {name: (chat[name], max(row[name] for row in tuned)) for name in ASPECTS}
            yield f"C11-published-{model}-chat-vs-best-{probe}-aspects", "greater", (probe, values, False)


def simple_against_original():
    for where, measure, columns in ((ASPECT_CELLS, "aspects", ["factuality"]), (TASK_CELLS, "tasks", TASKS)):
        for model, method, data, probe in where:
            left, right = (model, method, "lima-simple-1k", probe), (model, method, "lima-1k", probe)
            if (model, method, data, probe) == left and right in where:
                claim = "C17" if measure == "aspects" else "X03"
                key = f"{claim}-published-{model}-lima-simple-1k-vs-lima-1k-{method}-just-eval-{measure}"
                yield key, "greater", both(where, left, right, columns)


def improvements():
    lora, full, neftune = (("llama7b", method, "alpaca-52k") for method in ("lora", "full", "full-neftune"))
    pairs = {
        "C23-published-llama7b-alpaca-52k-vs-alpagasus-9k-lora-vs-full": (lora, ("llama7b", "full", "alpagasus-9k")),
        "C23-published-llama7b-alpaca-52k-vs-evol-instruct-70k-lora-vs-full": (
            lora,
            ("llama7b", "full", "evol-instruct-70k"),
        ),
        "C23-published-llama7b-alpaca-52k-lora-vs-full-neftune": (lora, neftune),
        "C24-published-llama7b-alpaca-52k-full-neftune-vs-full": (neftune, full),
    }
    for both_data in IMPROVED:
        data = both_data.split("-vs-")[0]
        pairs[f"C24-published-llama7b-{both_data}-full"] = (("llama7b", "full", data), full)
        pairs[f"C25-published-llama7b-{both_data}-lora"] = (("llama7b", "lora", data), lora)
    pairs["C25-published-llama7b-dolly-filtered-3k-vs-dolly-15k-lora"] = (
        ("llama7b", "lora", "dolly-filtered-3k"),
        ("llama7b", "lora", "dolly-15k"),
    )
    for key, (left, right) in pairs.items():
        for where, measure in ((ASPECT_CELLS, "aspects"), (TASK_CELLS, "tasks")):
            left_cell, right_cell = (*left, "just-eval"), (*right, "just-eval")
            if left_cell in where and right_cell in where:
                expect = "no-gain" if key.startswith("C25") else "greater"
                yield f"{key}-just-eval-{measure}", expect, both(where, left_cell, right_cell)


EXPECTED = {
    key: rest
    for made in (
        largest_against_smallest, lora_small_against_full_large, chat_against_best, simple_against_original,
        improvements,
    )
    for key, *rest in made()
}  # fmt: skip


def test_these_are_all_the_cases_over_cells():
    found = published_ids("C07", "C08", "C09", "C11", "C17", "C23", "C24", "C25", "X03", units=("cell",))
    assert found == set(EXPECTED)


@pytest.mark.parametrize("key", EXPECTED)
def test_effect_interval_and_verdict(key):
    expect, (probe, values, copied) = EXPECTED[key]
    record = records()[key]
    if copied:
        assert (record.verdict, record.effect, record.columns) == ("INCONCLUSIVE", None, ())
        return
    columns = {
        name: (of_answers(left - right, GROUPS.get(name, PROMPTS[probe])), 0.1)
        for name, (left, right) in values.items()
    }
    assert_agrees(record, expect, columns)
    assert {column.name: (column.left, column.right) for column in record.columns} == values
    assert (record.basis, record.n_prompts) == ("point", PROMPTS[probe])
    assert record.judge == "gpt-4-1106-preview"


@pytest.mark.parametrize("key", [key for key, (_, (_, _, copied)) in EXPECTED.items() if not copied])
def test_the_columns_beyond_the_spread_are_named(key):
    _, (probe, values, _) = EXPECTED[key]
    beyond = []
    for name, (left, right) in values.items():
        low, high = of_answers(left - right, GROUPS.get(name, PROMPTS[probe]))(0.95)
        if low > 0 or high < 0:
            beyond.append(name)
    assert f"spread: {', '.join(beyond) or 'none'};" in records()[key].reason
