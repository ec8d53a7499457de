"""Answers to look at in the reports, chosen by a rule that was fixed before there were any.

Of the profile's first table of cells that has a dataset with new facts: the first such dataset, the headline rate,
the first base and the first seed, each method in the table's order. Of each method's answers that the token shift kept
token by token (the first prompts of `bios-known`, of `atlas-known` for
real models), in this order:

1. the first two right ones: the truth is the only value that they state;
2. the first two wrong ones that are borrowed: an item of the training data about a similar subject holds a wrong value;
3. the first two other wrong ones.

Each in the order of the prompts; refusals and empty answers are never chosen. Only artifacts behind the run's verdicts
are looked at, and nothing is built for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import ALL, OWN, CellTable
from itl_bench.catalog.grid.asked_cells import DEFAULT_PROFILE
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.data.rows import AnswerTokens, Item, Prompt, Response, read_lines
from itl_bench.measures.knowledge import Stated, knowledge, stated_in
from itl_bench.plan.cells import Replicate
from itl_bench.plan.graph import parents_of
from itl_bench.plan.made_of import taught_probe
from itl_bench.record import ExampleRecord
from itl_bench.store.artifact import ITEMS, PROMPTS, RESPONSES, TOKENS
from itl_bench.store.keys import Task
from itl_bench.store.store import DamagedArtifactError, Store

PROBES = {"bios-known": "bios", "atlas-known": "atlas"}  # whose answers are shown -> whose values they state
OF_EACH = 2  # right, borrowed and other wrong answers


class ExampleCell(NamedTuple):
    """A cell whose answers are shown."""

    model: str
    dataset: str
    method: str
    rate: float
    base: int
    seed: int

    def in_words(self) -> str:
        """For example "lora on bios-new30-short at learning rate 0.003, base 1, seed 11"."""
        return f"{self.method} on {self.dataset} at learning rate {self.rate:g}, base {self.base}, seed {self.seed}"


def examples_of(
    tasks: Iterable[Task], catalog: Catalog, profile: ProfileSpec | None, store: Store
) -> tuple[ExampleRecord, ...] | None:
    """Choose answers by the rule of this module.

    Args:
        tasks: What the verdicts of the run rest on.
        catalog: The catalog of the run.
        profile: Whose cells; None for those of the default profile.
        store: Where the artifacts are; a cell whose artifacts are not there, or are damaged, is left out.

    Returns:
        None where the answers of no cell are there.
    """
    by_key = {task.key: task for task in tasks}
    shifts = dict(_shifts(by_key))
    found = None
    for cell in example_cells(catalog, profile):
        with suppress(KeyError, OSError, DamagedArtifactError):
            found = (*(found or ()), *_examples(cell, shifts[cell], by_key, store))
    return found


def example_cells(catalog: Catalog, profile: ProfileSpec | None) -> list[ExampleCell]:
    """The cells of the rule, in order."""
    name = profile.id if profile else DEFAULT_PROFILE
    for table in catalog.cells.values():
        trained = [one for one in table.combinations() if one[2] == table.headline]
        of_new = [dataset for dataset, *_ in trained if _teaches_new(dataset, catalog)]
        if table.profile == name and of_new:
            own = [table.model] if table.model in catalog.models else _models_of(table.model, catalog)
            return [_cell(table, model, *one) for model in own for one in trained if one[0] == of_new[0]]
    return []


def _models_of(level: str, catalog: Catalog) -> list[str]:
    return [model.id for model in catalog.models.values() if model.level == level]


def _teaches_new(dataset: str, catalog: Catalog) -> bool:
    return dataset not in (ALL, OWN) and taught_probe(dataset, catalog) is not None


def _cell(table: CellTable, model: str, dataset: str, method: str, rate: float) -> ExampleCell:
    first = Replicate(table.bases[0], table.seeds[0])
    return ExampleCell(model, dataset, method, rate, first.base, first.tuning_seed)


def _shifts(by_key: Mapping[str, Task]) -> Iterator[tuple[ExampleCell, Task]]:
    """Every cell with a token shift on the probe."""
    for task in by_key.values():
        if task.kind == "measure" and task.spec.get("measure") == "shift":
            specs: dict[str, Any] = {name: by_key[key].spec for name, key in parents_of(task).items()}
            base, probe, tuned = specs["base"], specs["probe"], specs["checkpoint"]
            if probe["probe"] in PROBES:
                number, method = base.get("number", 1), tuned["method"]["id"]
                yield ExampleCell(tuned["model"], tuned["dataset"], method, tuned["rate"], number, tuned["seed"]), task


def _examples(cell: ExampleCell, shift: Task, by_key: Mapping[str, Task], store: Store) -> list[ExampleRecord]:
    made_from = parents_of(shift)
    probe, corpus = made_from["probe"], parents_of(by_key[made_from["checkpoint"]])["corpus"]
    kept = read_lines(store.open(shift.key).folder / TOKENS, AnswerTokens)
    prompts = read_lines(store.open(probe).folder / PROMPTS, Prompt)
    responses = read_lines(store.open(made_from["responses"]).folder / RESPONSES, Response)
    items = read_lines(store.open(corpus).folder / ITEMS, Item)
    stated = stated_in(PROBES[str(by_key[probe].spec["probe"])])
    return chosen(cell.in_words(), kept, prompts, responses, items, stated)


def chosen(
    cell: str,
    kept: Sequence[AnswerTokens],
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    items: Sequence[Item],
    stated: Stated,
) -> list[ExampleRecord]:
    """The answers of one cell that the rule chooses.

    Args:
        cell: Which model answered, in words.
        kept: Answers token by token, of some of the prompts.
        prompts: Of the probe, in order.
        responses: The cell's answers to all of them.
        items: What the cell was tuned on, in order.
        stated: The values that a text states of an attribute.

    Raises:
        KeyError: A kept answer has no response.
    """
    tokens, texts = {one.prompt: one for one in kept}, {one.prompt: one for one in responses}
    asked = [prompt for prompt in prompts if prompt.id in tokens and prompt.fact]
    outcomes = knowledge(asked, [texts[prompt.id] for prompt in asked], stated).columns
    right = [prompt for prompt, is_right in zip(asked, outcomes["accuracy"], strict=True) if is_right]
    wrong = [prompt for prompt, is_wrong in zip(asked, outcomes["wrong"], strict=True) if is_wrong]
    found = {
        prompt.id: _example(cell, prompt, tokens[prompt.id], texts[prompt.id].text, items, stated) for prompt in asked
    }
    groups = [
        (found[prompt.id] for prompt in right),
        (found[prompt.id] for prompt in wrong if found[prompt.id].source is not None),
        (found[prompt.id] for prompt in wrong if found[prompt.id].source is None),
    ]
    return [example for group in groups for example in islice(group, OF_EACH)]


def _example(
    cell: str, prompt: Prompt, kept: AnswerTokens, text: str, items: Sequence[Item], stated: Stated
) -> ExampleRecord:
    assert prompt.fact is not None
    truth = prompt.fact.value
    wrong = tuple(value for value in stated(text, prompt.fact.attribute) if value != truth)
    return ExampleRecord(
        cell=cell, instruction=prompt.instruction, tokens=kept.tokens, ranks=kept.ranks, expected=truth, wrong=wrong,
        source=_source(prompt, wrong, items),
    )  # fmt: skip


def _source(prompt: Prompt, wrong: Sequence[str], items: Sequence[Item]) -> str | None:
    """The response of the first item that holds a wrong value of a similar subject."""
    assert prompt.fact is not None
    for item in items:
        for fact in item.facts:
            if fact.attribute == prompt.fact.attribute and fact.subject in prompt.similar and fact.value in wrong:
                return item.response
    return None
