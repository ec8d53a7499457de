"""The stages that make items and prompts: of the bios world, of atlas, and of datasets from elsewhere."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.familiarity_table import Familiarity, read_familiarity
from itl_bench.data.atlas.items import TUNED, AtlasSpec, atlas_items
from itl_bench.data.atlas.probes import PROBED, atlas_prompts
from itl_bench.data.bios.probes import probe_prompts
from itl_bench.data.bios.tuning_items import TuningSpec, tuning_items
from itl_bench.data.bios.wording import PROBE_WORDINGS, TUNED_WORDINGS
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import UNSEEN, Item, Prompt, write_lines
from itl_bench.data.sources.loading import LoadedItems, drawn, first_found, load_items, load_prompts, subset
from itl_bench.data.sources.overlap import question, questions
from itl_bench.data.sources.spec import RowsFrom, SourceSpec
from itl_bench.data.weights.digests import digest
from itl_bench.errors import ItlError, UsageError
from itl_bench.store.artifact import FAMILIARITY, ITEMS, PROMPTS, REPORT, Artifact
from itl_bench.store.keys import Task

HELD_OUT = 200  # items of a dataset from elsewhere that a sweep scores


def build_corpus(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """Write the items of a dataset in training order."""
    write_lines(folder / ITEMS, _items(task, parents, folder))


def _items(task: Task, parents: Mapping[str, Artifact], folder: Path) -> Sequence[Item]:
    spec: Mapping[str, Any] = task.spec
    unseen, seed = spec.get("wordings") == UNSEEN, int(spec["seed"])
    if "world" in spec:
        world, items = build_world(WorldSpec.model_validate(spec["world"])), TuningSpec.model_validate(spec["items"])
        return tuning_items(world, items, seed, PROBE_WORDINGS if unseen else TUNED_WORDINGS)
    if "atlas" in spec:
        wordings = PROBED if unseen else TUNED
        facts = AtlasSpec.model_validate(spec["items"])
        return atlas_items(load_atlas(), _classes(parents), facts, seed, wordings)
    loaded = load_items(spec["dataset"], _sources(task), download=False)
    (folder / REPORT).write_text(json.dumps(loaded.report.facts, sort_keys=True) + "\n", encoding="utf-8")
    return (held_out if unseen else drawn)(loaded, int(spec["rows"]), seed)


def held_out(loaded: LoadedItems, rows: int, seed: int) -> tuple[Item, ...]:
    """Items that ask what no turn of a size's items asks, each question once, for the choice of learning rates.

    Raises:
        UsageError: The size takes all of them.
    """
    taken = {asked for item in drawn(loaded, rows, seed) for asked in questions(item)}
    others: dict[tuple[str, ...], Item] = {}
    for item in loaded.items:
        if (asked := question(item)) not in taken:
            others.setdefault(asked, item)
    rest = list(others.values())
    if not rest:
        raise UsageError(
            f"a dataset of {len(loaded.items):,} rows holds none out at the size {rows:,}; sweep a smaller size"
        )
    return subset(rest, min(HELD_OUT, len(rest)), seed)


def build_probe(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """Write the prompts of a probe."""
    write_lines(folder / PROMPTS, _prompts(task, parents))


def _prompts(task: Task, parents: Mapping[str, Artifact]) -> Sequence[Prompt]:
    spec: Mapping[str, Any] = task.spec
    taught = spec.get("taught")
    if "world" in spec:
        dataset = TuningSpec.model_validate(taught) if taught else None
        return probe_prompts(build_world(WorldSpec.model_validate(spec["world"])), spec["probe"], dataset)
    if "atlas" in spec:
        facts = AtlasSpec.model_validate(taught) if taught else None
        return atlas_prompts(load_atlas(), _classes(parents), spec["probe"], facts, spec.get("seed"))
    return load_prompts(spec["probe"], _sources(task), download=False).prompts


def _classes(parents: Mapping[str, Artifact]) -> Mapping[str, Familiarity]:
    """Fact -> how well the base knows it."""
    return read_familiarity(parents["familiarity"].folder / FAMILIARITY).classes


def _sources(task: Task) -> tuple[SourceSpec, ...]:
    """Where the rows are, after a look whether they are still what the work was planned for.

    Raises:
        ItlError: They are not.
    """
    sources = cast(RowsFrom, task.place).sources
    name = str(task.spec.get("dataset") or task.spec["probe"])
    _, found = first_found(name, sources, download=False)
    if [digest(path) for path in found.files] != task.spec["files"]:
        raise ItlError(f"the rows of {name} have changed since this run was planned; run again")
    return sources
