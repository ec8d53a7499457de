"""Which engines of vLLM a selection starts: one for a base and its adapters, one for each checkpoint of all weights."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from itl_bench.methods.recipe import Tuning
from itl_bench.methods.registry import BY_CODE
from itl_bench.store.keys import Task
from itl_bench.vocabulary import CELL

SECONDS_TO_START = 90.0  # of one engine; 80 to 150 measured on two cores


def engines(tasks: Iterable[Task]) -> list[tuple[str, ...]]:
    """The keys of the answers that each engine gives, for one worker.

    Args:
        tasks: With the checkpoints that answer.
    """
    by_key = {task.key: task for task in tasks}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for task in by_key.values():
        if task.kind == "responses" and task.spec.get("engine") == "vllm":
            found[task.group, _whole(task, by_key)].append(task.key)
    return [tuple(keys) for keys in found.values()]


def _whole(task: Task, by_key: Mapping[str, Task]) -> str:
    """The key of the checkpoint that answers, where all weights were trained; nothing for adapters and bases."""
    places = ((key, by_key[key].place) for key in task.parents if key in by_key)
    return next((key for key, place in places if isinstance(place, Tuning) and place.trains == "all"), "")


def unsure(tasks: Iterable[Task], absent: Collection[str]) -> tuple[str, ...]:
    """Methods of one's own with adapters that vLLM is to serve: whether it takes them, only a trained one says.

    Args:
        tasks: With the checkpoints that answer.
        absent: Keys of what is still to be built.
    """
    by_key = {task.key: task for task in tasks if task.kind != CELL or task.key in absent}
    parents = {key for task in by_key.values() if task.spec.get("engine") == "vllm" for key in task.parents}
    methods: Iterable[Any] = (by_key[key].spec["method"] for key in parents if _is_own_adapter(by_key.get(key)))
    return tuple(sorted({method["id"] for method in methods}))


def _is_own_adapter(task: Task | None) -> bool:
    place = task.place if task else None
    return isinstance(place, Tuning) and place.trains == "adapter" and place.code not in BY_CODE
