"""Which engine answers: as it is asked for, and as a case gets it."""

from collections.abc import Mapping
from typing import Literal

from itl_bench.specs import Spec, Text

Backend = Literal["hf", "vllm", "auto"]  # what may be asked for
BACKENDS: tuple[Backend, ...] = ("hf", "vllm", "auto")


class Answering(Spec):
    """What answers, as far as answers may depend on it.

    Attributes:
        engine: transformers, or vLLM.
        precision: Of the weights, under vLLM; transformers takes fp32.
        batch_invariant: Whether an answer does not depend on what vLLM answers beside it.
    """

    engine: Literal["hf", "vllm"] = "hf"
    precision: Literal["fp32", "bf16"] = "fp32"
    batch_invariant: bool = False

    def spec(self) -> dict[str, object]:
        """For the spec of a task."""
        return {"engine": "hf"} if self.engine == "hf" else self.model_dump()

    def in_words(self) -> str:
        """For example "vLLM (bf16, batch-invariant)"."""
        invariant = ", batch-invariant" if self.batch_invariant else ""
        return "transformers" if self.engine == "hf" else f"vLLM ({self.precision}{invariant})"


TRANSFORMERS = Answering()


class Serving(Spec):
    """What a run decides once of how its cases are answered.

    Attributes:
        asked: The backend that the run asks for, before what recipes and profiles say; None where it asks for none.
        auto: What `auto` stands for on this machine.
        batch_invariant: Whether vLLM can answer so here.
        left: Ids of cases that are left to transformers -> why.
    """

    asked: Backend | None = None
    auto: Literal["hf", "vllm"] = "hf"
    batch_invariant: bool = False
    left: Mapping[str, Text] = {}


AS_DECLARED = Serving()
