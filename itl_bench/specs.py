"""Frozen, validated specs of everything that `cases/` declares: unknown keys are rejected, vocabularies are closed."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

TEXT = "text (in quotes, where YAML would read something else)"
MAPPING = "a mapping ({key: value})"
LIST = "a list ([a, b])"
WRONG_KIND = {  # pydantic's type of an issue -> what is accepted instead
    "string_type": TEXT,
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": MAPPING,
    "model_type": MAPPING,
    "tuple_type": LIST,
    "list_type": LIST,
}
WRONG_VALUE = {
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "string_too_short": "text that is not empty",
    "too_short": "{min_length} or more entries",
    "too_long": "at most {max_length} entries",
}
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
Text = Annotated[str, Field(min_length=1)]


def _no_boolean(value: object) -> object:
    """YAML reads yes and no as booleans, and pydantic would read those as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"{value} was given; accepted is a number")
    return value


def _named_code(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
        raise ValueError(f'{value!r} was given; accepted is "module:name", as mypackage.mymodule:MyName')
    return value


Code = Annotated[str, AfterValidator(_named_code)]
Count = Annotated[int, Field(gt=0), BeforeValidator(_no_boolean)]
Margin = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(_no_boolean)]
Percent = Annotated[int, Field(ge=0, le=100), BeforeValidator(_no_boolean)]


class Spec(BaseModel):
    """Base of all specs: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")
