"""Ways of tuning a model, as `methods.yaml` declares them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from itl_bench.methods.parameters import Parameter
from itl_bench.methods.registry import SHIPPED
from itl_bench.specs import Code, Identifier, Spec, Text


class MethodSpec(Spec):
    """A way of tuning a model, or a row of comparison that tunes nothing.

    Attributes:
        trains: What it moves; its cells are priced by that.
        code: "module:Class" of the method; that of the shipped one where the id is one's and none is given. None where
            a method is known from published tables only.
        parameters: Given to the method; held to what it declares where its cells are planned, or before they train.
    """

    id: Identifier
    title: Text
    trains: Literal["adapter", "all", "none"]
    code: Code | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _shipped_code(cls, given: object) -> object:
        shipped = SHIPPED.get(str(given.get("id"))) if isinstance(given, dict) else None
        if shipped and isinstance(given, dict) and given.get("trains") != "none":
            return {"code": shipped.code} | given
        return given

    @model_validator(mode="after")
    def _code_trains(self) -> Self:
        if self.trains == "none" and self.code:
            raise ValueError("a method that trains 'none' has no 'code'; remove one of them")
        return self
