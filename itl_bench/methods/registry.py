"""Code of methods, "module:Class": which ship here, what identifies them, and how they are loaded."""

import hashlib
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from itl_bench.errors import UsageError

if TYPE_CHECKING:
    from itl_bench.methods.method import Method


class Shipped(NamedTuple):
    """A method that ships here: its "module:Class", and the version of it that is in the key of every cell.

    A text is the first version; where a method's outputs move, which the golden run shows, its version becomes the next
    integer, from 2 on, and its cells are new. Its files may be edited freely otherwise.
    """

    code: str
    version: str | int


SHIPPED = {
    "full": Shipped("itl_bench.methods.full:Full", "7f17ab11b3e08fb86c6a1ea21d3cc408abf375e86ff7214f3458f8523a8c6155"),
    "lora": Shipped("itl_bench.methods.lora:Lora", "dba1e9b5d79c05fc0d61f03acb421ec0b0fc277a511e7ef9548a314e311ad8c4"),
    "full-neftune": Shipped(
        "itl_bench.methods.neftune:Neftune", "4cd0194f6e219d3579a7b1400734297367908cbdd4f2ae458bb494121c981636"
    ),
}


def identity(code: str) -> str | int:
    """The version of a method that ships here, or the hash of another's source: an author who edits it gets new cells.

    Args:
        code: "module:Class".

    Raises:
        UsageError: No such module, or it has no source.
    """
    return dict(SHIPPED.values()).get(code) or _source_hash(code)


def _source_hash(code: str) -> str:
    module = code.partition(":")[0]
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise UsageError(f"no source of the module {module!r} of the method {code!r} was found; is it installed?")
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()


def load_method(code: str, parameters: Mapping[str, bool | int | float | str]) -> "Method":
    """The method of a "module:Class", with its parameters.

    Raises:
        UsageError: The module has no such class.
    """
    from itl_bench.methods.method import Method

    module, _, name = code.partition(":")
    found = getattr(import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise UsageError(f"{code!r} is no method: {module} has no class {name!r} that is a Method")
    return found(parameters)
