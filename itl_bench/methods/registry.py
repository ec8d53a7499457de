"""Code of methods, "module:Class": which ship here, what identifies them, and how they are loaded."""

from typing import TYPE_CHECKING, NamedTuple

from itl_bench.errors import UsageError
from itl_bench.files import load_code, source_hash
from itl_bench.methods.parameters import Given, LoraParameters, NeftuneParameters, NoParameters, checked
from itl_bench.specs import Spec

if TYPE_CHECKING:
    from itl_bench.methods.method import Method


class Shipped(NamedTuple):
    """A method that ships here: its "module:Class", its version, and what it takes.

    The version is in the key of every cell. A text is the first one; where a method's outputs move, which the golden
    run shows, its version becomes the next integer, from 2 on, and its cells are new. Its files may be edited freely
    otherwise.

    Attributes:
        code: "module:Class".
        version: On the bases that ship with the package, and on others where `elsewhere` says nothing else.
        parameters: What the class declares; it stands here as well, since looking up the class would load torch.
        elsewhere: The version on all other bases, where outputs moved on some of those only. Which ones is in their
            weights, and no plan reads them: cells of a base whose outputs stayed are made again rather than trusted.
    """

    code: str
    version: str | int
    parameters: type[Spec]
    elsewhere: int | None = None


SHIPPED = {
    "full": Shipped(
        "itl_bench.methods.full:Full", "7f17ab11b3e08fb86c6a1ea21d3cc408abf375e86ff7214f3458f8523a8c6155", NoParameters
    ),
    "lora": Shipped(
        "itl_bench.methods.lora:Lora", "dba1e9b5d79c05fc0d61f03acb421ec0b0fc277a511e7ef9548a314e311ad8c4",
        LoraParameters,
    ),
    "full-neftune": Shipped(
        "itl_bench.methods.neftune:Neftune", "4cd0194f6e219d3579a7b1400734297367908cbdd4f2ae458bb494121c981636",
        NeftuneParameters, elsewhere=2,  # noise grows with embeddings that the layer scales, as Gemma's
    ),
    "full-neftune-library": Shipped("itl_bench.methods.neftune:NeftuneLibrary", 1, NeftuneParameters),
}  # fmt: skip
BY_CODE = {shipped.code: shipped for shipped in SHIPPED.values()}


def identity(code: str, ships: bool = True) -> str | int:
    """The version of a method that ships here, or the hash of another's source: an author who edits it gets new cells.

    Args:
        code: "module:Class".
        ships: Whether the base is one of those that ship with the package.

    Raises:
        UsageError: No such module, or it has no source.
    """
    if not (shipped := BY_CODE.get(code)):
        return source_hash(code)
    return shipped.version if ships else shipped.elsewhere or shipped.version


def check_parameters(code: str, given: Given) -> None:
    """Hold parameters to what a method that ships here declares; what another declares is known when it is loaded.

    Raises:
        UsageError: They are not that.
    """
    if shipped := BY_CODE.get(code):
        checked(given, shipped.parameters)


def load_method(code: str, parameters: Given) -> "Method":
    """The method of a "module:Class", with its parameters.

    Raises:
        UsageError: It names no method, or the parameters are not what the method declares.
    """
    from itl_bench.methods.method import Method

    found = load_code(code)
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise UsageError(f"{code!r} is no method; it should name a subclass of itl_bench.methods.method.Method")
    try:
        return found(parameters)
    except UsageError as error:
        raise UsageError(f"the method {code}: {error}") from None
