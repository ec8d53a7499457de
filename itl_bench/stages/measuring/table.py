"""The stage that computes measures: one table per cell and probe."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from itl_bench.data.rows import Item, Prompt, Response, Table, read_lines, write_table
from itl_bench.data.sources.overlap import EXACT, SHARE, Overlap, overlap
from itl_bench.data.tokens.asking import Asking
from itl_bench.measures.borrowing import borrowing
from itl_bench.measures.knowledge import knowledge, stated_in
from itl_bench.measures.style import style
from itl_bench.stages.measuring.floors import write_paraphrase_floor, write_seed_floor
from itl_bench.stages.measuring.shift import write_shift
from itl_bench.stages.measuring.taught_loss import write_taught_loss
from itl_bench.store.artifact import ITEMS, PROMPTS, RESPONSES, TABLE, TRAINING, Artifact
from itl_bench.store.keys import Task


def write_overlap(parents: Sequence[Artifact], folder: Path, n: int) -> None:
    """Look for the prompts of a probe in a corpus.

    Args:
        parents: Corpus and probe.
        folder: Where the table goes.
        n: Words of an n-gram.
    """
    corpus, probe = parents
    prompts = read_lines(probe.folder / PROMPTS, Prompt)
    found = overlap(read_lines(corpus.folder / ITEMS, Item), prompts, n)
    write_table(folder / TABLE, as_table(found, prompts))


def as_table(found: Overlap, prompts: Sequence[Prompt]) -> Table:
    """Per prompt, whether some item asks the same (0 or 1), and the share of its n-grams that items have."""
    exact = tuple(float(count > 0) for count in found.exact)
    return Table(
        prompts=found.prompts, units=tuple(prompt.unit for prompt in prompts),
        columns={EXACT: exact, SHARE: found.shares}, facts=dict(found.facts),
    )  # fmt: skip


# Measures that run models themselves.
BY_MODELS: Mapping[str, Callable[[Sequence[Artifact], Path, Asking], None]] = {
    "shift": write_shift, "seed-floor": write_seed_floor, "paraphrase-floor": write_paraphrase_floor,
    "taught-loss": write_taught_loss,
}  # fmt: skip


def build_measure(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Compute a measure's table."""
    spec: Mapping[str, Any] = task.spec
    measure = spec["measure"]
    if measure == "training":
        (folder / TRAINING).write_bytes((parents[0].folder / TRAINING).read_bytes())
        return
    if measure == "overlap":
        write_overlap(parents, folder, int(spec["n"]))
        return
    if measure in BY_MODELS:
        BY_MODELS[measure](parents, folder, Asking.of(spec))
        return
    probe, answered, *others = parents
    prompts = read_lines(probe.folder / PROMPTS, Prompt)
    responses = read_lines(answered.folder / RESPONSES, Response)
    stated = stated_in(spec.get("answers", "bios"))
    if measure == "knowledge":
        table = knowledge(prompts, responses, stated)
    elif measure == "borrowing":
        items = read_lines(others[0].folder / ITEMS, Item)
        table = borrowing(prompts, responses, items, stated, int(spec["seed"]))
    else:
        items, of_base = read_lines(others[0].folder / ITEMS, Item), read_lines(others[1].folder / RESPONSES, Response)
        table = style(responses, prompts, items, of_base)
    write_table(folder / TABLE, table)
