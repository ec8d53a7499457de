"""The stage that computes measures: one table per cell and probe, by the function that the measure names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from itl_bench.data.bios.probes import with_candidates
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import Item, Prompt, Response, Table, read_lines, write_table
from itl_bench.data.sources.overlap import EXACT, NGRAM, SHARE, overlap
from itl_bench.data.tokens.asking import Asking
from itl_bench.files import load_code
from itl_bench.measures.knowledge import stated_in
from itl_bench.measures.registry import measure_of
from itl_bench.store.artifact import ITEMS, PROMPTS, RESPONSES, TABLE, TRAINING, Artifact
from itl_bench.store.keys import Task


@dataclass(frozen=True)
class Models:
    """The models that a measure compares, as folders; `itl_bench.stages.loading` loads them.

    Attributes:
        base: The untuned model, and the tokenizer.
        tuned: The checkpoint: a whole model, or an adapter for the base.
        asking: How prompts became token ids, and what ends an answer.
    """

    base: Path
    tuned: Path
    asking: Asking


def build_measure(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """Compute a measure's table."""
    measure = measure_of(task.spec)
    function = cast(Callable[..., Any], load_code(measure.function))
    if "judge" in measure.needs:
        function(parents=parents, folder=folder, by=task.place)
        return
    if measure.writes:
        function(parents=parents, folder=folder, asking=Asking.of(task.spec))
        return
    settings = {name: task.spec[name] for name in measure.settings}
    write_table(folder / TABLE, function(**_inputs(task.spec, measure.needs, parents), **settings))


def _inputs(spec: Mapping[str, Any], needs: Sequence[str], parents: Mapping[str, Artifact]) -> dict[str, object]:
    """What the function of a measure is given, by keyword."""
    given: dict[str, object] = {"prompts": _prompts(spec, parents)}
    for name in ("responses", "base-responses"):
        if name in parents and (name == "responses" or name in needs):
            given[name.replace("-", "_")] = read_lines(parents[name].folder / RESPONSES, Response)
    if "corpus" in parents:
        given["items"] = read_lines(parents["corpus"].folder / ITEMS, Item)
    if "ground-truth" in needs:
        given["stated"] = stated_in(spec.get("answers", "bios"))
    if "base-logits" in needs:
        given["models"] = Models(parents["base"].folder, parents["checkpoint"].folder, Asking.of(spec))
    return given


def _prompts(spec: Mapping[str, Any], parents: Mapping[str, Artifact]) -> list[Prompt]:
    """The prompts; with candidates where the measure's world says which there were."""
    prompts = read_lines(parents["probe"].folder / PROMPTS, Prompt)
    if "world" not in spec:
        return prompts
    return with_candidates(prompts, build_world(WorldSpec.model_validate(spec["world"])))


def copy_log(parents: Mapping[str, Artifact], folder: Path, asking: Asking) -> None:
    """Keep what happened while tuning: weights may be dropped, it stays."""
    (folder / TRAINING).write_bytes((parents["checkpoint"].folder / TRAINING).read_bytes())


def prompt_overlap(prompts: Sequence[Prompt], items: Sequence[Item], n: int = NGRAM) -> Table:
    """Per prompt, whether some item asks the same (0 or 1), and the share of its n-grams that items have."""
    found = overlap(items, prompts, n)
    exact = tuple(float(count > 0) for count in found.exact)
    return Table(
        prompts=found.prompts, units=tuple(prompt.unit for prompt in prompts),
        columns={EXACT: exact, SHARE: found.shares}, facts=dict(found.facts),
    )  # fmt: skip
