"""Which engines of vLLM a selection starts: one for a base and its adapters, one for each checkpoint of all weights."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from itl_bench.methods.recipe import Tuning
from itl_bench.methods.registry import BY_CODE
from itl_bench.store.keys import Task

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


def unsure(tasks: Iterable[Task]) -> tuple[str, ...]:
    """Methods of one's own with adapters that vLLM is to serve: whether it takes them, only a trained one says."""
    by_key = {task.key: task for task in tasks}
    parents = {key for task in by_key.values() if task.spec.get("engine") == "vllm" for key in task.parents}
    found = (by_key[key] for key in parents if key in by_key)
    return tuple(sorted({str(_id(task)) for task in found if _is_own_adapter(task.place)}))


def _is_own_adapter(place: object) -> bool:
    return isinstance(place, Tuning) and place.trains == "adapter" and place.code not in BY_CODE


def _id(task: Task) -> object:
    method: Any = task.spec["method"]
    return method["id"]
