"""What the methods that ship here take, and the check of given parameters against declared ones; loads no torch."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails, to_json

from itl_bench.errors import UsageError, nearest, short, unknown
from itl_bench.specs import WRONG_KIND, WRONG_VALUE, Count, Margin, Spec, Text

Parameter = bool | int | float | str | tuple[str, ...]
Given = Mapping[str, Parameter]


class NoParameters(Spec):
    """Of a method that takes none."""


class LoraParameters(Spec):
    """Of LoRA.

    Attributes:
        rank: Of every addition.
        alpha: An addition counts alpha / rank times.
        targets: "all-linear" (the output head left out), one regular expression that matches whole names of modules,
            or a list of the last parts of their names.
        dropout: Share of what goes into an addition that is left out in training; 0 leaves out nothing.
    """

    rank: Count
    alpha: Count
    targets: Text | Annotated[tuple[Text, ...], Field(min_length=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class NeftuneParameters(Spec):
    """Of NEFTune.

    Attributes:
        noise_alpha: The size of the noise is noise_alpha / sqrt(length x width).
    """

    noise_alpha: Margin


def checked(given: Given, declared: type[BaseModel]) -> Given:
    """The parameters of a method, with the defaults of those that are not given.

    Args:
        given: As `methods.yaml` has them.
        declared: What the method takes.

    Raises:
        UsageError: One is unknown, missing, of another type or out of its range; all are named in one line.
    """
    if found := list(problems(given, declared)):
        raise UsageError("; ".join(found))
    return declared.model_validate(given).model_dump()


def problems(given: Given, declared: type[BaseModel]) -> Iterator[str]:
    """What is wrong with the parameters of a method; the arguments are those of `checked`."""
    strange = [name for name in given if name not in declared.model_fields]
    yield from (unknown("parameter", name, declared.model_fields or ["(none)"]) for name in strange)
    meant = {nearest(name, declared.model_fields) for name in strange}
    try:
        # As a file would hold them: strictly, a list may stand for a tuple there, but neither "8" nor true for 8.
        declared.model_validate_json(to_json(dict(given), inf_nan_mode="constants"), strict=True)
    except ValidationError as error:
        yield from _lines([one for one in error.errors() if one["type"] != "extra_forbidden"], meant)


def _lines(errors: list[ErrorDetails], meant: set[str | None]) -> Iterator[str]:
    """One line for each parameter, whatever the number of kinds that it may be of."""
    for name in dict.fromkeys(str(one["loc"][0]) if one["loc"] else "" for one in errors):
        own = [one for one in errors if name == (str(one["loc"][0]) if one["loc"] else "")]
        if own[0]["type"] == "value_error":
            yield f"parameter {name!r}: {own[0]['ctx']['error']}" if name else str(own[0]["ctx"]["error"])
        elif own[0]["type"] != "missing":
            accepted = " or ".join(dict.fromkeys(map(_accepted, own)))
            yield f"parameter {name!r}: {short(own[0]['input'])} was given; accepted is {accepted}"
        elif name not in meant:  # else it is there, misspelt
            yield f"the parameter {name!r} is missing; add it"


def _accepted(error: ErrorDetails) -> str:
    words = (WRONG_KIND | WRONG_VALUE).get(error["type"])
    return words.format(**error.get("ctx", {})) if words else error["msg"]
