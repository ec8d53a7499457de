"""Code of methods, "module:Class": which ship here, what identifies them, and how they are loaded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from itl_bench.errors import UsageError
from itl_bench.files import load_code, source_hash

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
    return dict(SHIPPED.values()).get(code) or source_hash(code)


def load_method(code: str, parameters: Mapping[str, bool | int | float | str]) -> "Method":
    """The method of a "module:Class", with its parameters.

    Raises:
        UsageError: It names no method.
    """
    from itl_bench.methods.method import Method

    found = load_code(code)
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise UsageError(f"{code!r} is no method; it should name a subclass of itl_bench.methods.method.Method")
    return found(parameters)
