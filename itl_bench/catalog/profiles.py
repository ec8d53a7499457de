"""What `cases/profiles.yaml` declares."""

from typing import Annotated, Literal

from pydantic import Field

from itl_bench.catalog.serving import Backend
from itl_bench.specs import Identifier, Spec, Text
from itl_bench.vocabulary import Arm, Evidence

MeasuredLevel = Literal["bios", "small", "paper"]


class ProfileSpec(Spec):
    """A named selection of the grid; a pilot shows numbers and gives no verdict.

    Attributes:
        probes: What its measured cases ask; nothing for all probes.
        backend: What answers; transformers where neither the run nor a recipe nor this says.
    """

    id: Identifier
    title: Text
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    levels: tuple[MeasuredLevel, ...] = ()
    arms: tuple[Arm, ...] = ()
    probes: tuple[str, ...] = ()
    pilot: bool = False
    backend: Backend | None = None
