"""Methods by id, and what identifies one: the source of its module and its parameters."""

import hashlib
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from itl_bench.errors import UsageError, unknown

if TYPE_CHECKING:
    from itl_bench.methods.method import Method

COMMON = Path(__file__).with_name("method.py")
SHIPPED = {
    "full": "itl_bench.methods.full:Full",
    "lora": "itl_bench.methods.lora:Lora",
    "full-neftune": "itl_bench.methods.neftune:Neftune",
}


def _place(method: str) -> str:
    if method not in SHIPPED:
        raise UsageError(unknown("method that trains", method, SHIPPED))
    return SHIPPED[method]


def source_hash(method: str) -> str:
    """Hash of the method's module and of what it builds on: an author who edits a method gets new cells.

    Raises:
        UsageError: No such method, or its module has no source.
    """
    spec = find_spec(_place(method).partition(":")[0])
    if spec is None or not spec.origin:
        raise UsageError(f"the module of method {method!r} was not found; is its package installed?")
    return hashlib.sha256(Path(spec.origin).read_bytes() + COMMON.read_bytes()).hexdigest()


def load_method(method: str, parameters: Mapping[str, bool | int | float | str]) -> "Method":
    """The method of an id, with its parameters."""
    module, _, name = _place(method).partition(":")
    made: Method = getattr(import_module(module), name)(parameters)
    return made
