"""What identifies an artifact: its canonical spec, its parents' keys and its stage's version, hashed."""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import BaseModel

from itl_bench.errors import UsageError

KEY_LENGTH = 32  # hexadecimal digits: 128 bits


def canonical(value: object) -> str:
    """One text for all equal values: keys sorted, numbers by value (1 and 1.0 are one), no NaN.

    Raises:
        UsageError: The value holds something without a canonical form (a set, a path, NaN, a key that is no text).
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise UsageError(f"a spec's keys are text, found {wrong[0]!r}")
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(one) for one in value]
    raise UsageError(f"{value!r} has no canonical form; a spec holds text, finite numbers, lists and mappings")


@dataclass(frozen=True)
class Task:
    """One artifact to build.

    `seconds` is what building is expected to take; it orders the work. `place` says how this machine makes the
    artifact: where it finds weights or rows, which code trains a model and with which settings of speed. `group` is the
    same for tasks that are built from the same loaded model. None of them is part of the key.
    """

    kind: str
    spec: Mapping[str, object] = field(hash=False)
    parents: tuple[str, ...] = ()  # keys of the artifacts it is built from, in an order that means something
    version: int = 1  # of the stage's code: raised when its outputs move
    seconds: float = field(default=0.0, compare=False)
    place: BaseModel | None = field(default=None, compare=False)
    group: str = field(default="", compare=False)

    @cached_property
    def key(self) -> str:
        """Hash of kind, spec, parents and version."""
        text = canonical([self.kind, self.spec, self.parents, self.version])
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def resting_on(tasks: Mapping[str, Task], keys: Collection[str]) -> set[str]:
    """Those of some keys that are among tasks, and the keys of all tasks that are built from them.

    Args:
        tasks: By key.
        keys: Of what is missing, for example.
    """
    found = set(keys) & set(tasks)
    while more := {key for key, task in tasks.items() if key not in found and not found.isdisjoint(task.parents)}:
        found |= more
    return found


def needed(
    tasks: Mapping[str, Task], targets: Iterable[str], there: Callable[[str], bool] = lambda key: False
) -> set[str]:
    """The keys of what has to be built for targets: these, and all that they are built from, as far as it is not there.

    Args:
        tasks: By key; what is not among them is taken to be there.
        targets: Keys that are wanted.
        there: Whether an artifact is there already; by default nothing is.
    """
    found: set[str] = set()
    wanted = list(targets)
    while wanted:
        key = wanted.pop()
        if key in tasks and key not in found and not there(key):
            found.add(key)
            wanted += tasks[key].parents
    return found
