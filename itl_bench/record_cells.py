"""The record's part about tuned models: with which settings and on which data they were made, and what happened."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Setting = bool | int | Finite | str


class RecordModel(BaseModel):
    """Base of the record's parts: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingRecord(RecordModel):
    """What happened while the cells of one learning rate were tuned, one cell for each replicate."""

    rate: Finite
    cells: int = Field(description="whose training log was there")
    updates: int = Field(description="of the cell that has the fewest")
    target_tokens: int | None = Field(default=None, description="tokens that bore the loss, over all epochs; mean")
    tokens_per_second: Finite | None = Field(default=None, description="trained on, prompts included; median of cells")
    padding: Finite | None = Field(default=None, description="share of positions that were padding; mean")
    truncated: int | None = Field(default=None, description="rows that lost tokens to the cutoff; most of any cell")
    dropped: int | None = Field(
        default=None, description="rows without a token of a response within the cutoff, not trained on; most"
    )
    peak_memory: int | None = Field(
        default=None, description="bytes, most of any cell; of the GPU, or of the whole process where there is none"
    )
    loss_first: Finite | None = Field(
        default=None, description="of the first update, nats per response token; mean over cells"
    )
    loss_last: Finite | None = Field(default=None, description="mean of the last updates, and over cells")
    not_finite: int = Field(default=0, description="cells whose loss is no finite number; outside the means")
    notes: tuple[str, ...] = Field(default=(), description="what the recipe asked for and was left out, with reasons")


class DrawRecord(RecordModel):
    """The rows that the cells of one tuning seed were tuned on."""

    seed: int
    rows: int
    sha256: str = Field(description="of the file of rows, in the order of training")


class OverlapRecord(RecordModel):
    """Prompts that the verdicts of a run use, and that are in the data; all tuning seeds together."""

    probe: str
    prompts: int = Field(description="of the probe")
    exact: int = Field(description="prompts that some row asks word for word")
    shared: int = Field(description="further prompts of which some row has an n-gram")
    ngram: int = Field(description="words of an n-gram")


class DataRecord(RecordModel):
    """The data of a kind of cell."""

    draws: tuple[DrawRecord, ...] = ()
    files: tuple[str, ...] = Field(default=(), description="sha256 of the files that the rows were read from")
    loaded: dict[str, int] = Field(
        default_factory=dict, description="what was found in the files: rows, duplicates, empty responses and so on"
    )
    overlaps: tuple[OverlapRecord, ...] = Field(default=(), description="also of probes that share nothing")


class CellRecord(RecordModel):
    """Cells that verdicts of a run read and that differ in learning rate and replicate only."""

    model: str
    dataset: str
    method: str
    parameters: dict[str, Setting] = Field(default_factory=dict, description="of the method, for example LoRA's rank")
    recipe: str = Field(description="its id; 'own' where the catalog has none with these settings")
    recipe_title: str = ""
    settings: dict[str, Setting] = Field(description="all of the recipe's; what is not limited is left out")
    rates: tuple[Finite, ...]
    cells: int = Field(description="replicates at all rates together")
    data: DataRecord = DataRecord()
    training: tuple[TrainingRecord, ...] = Field(default=(), description="by rate; none where no log was there")


class ParityRecord(RecordModel):
    """How a sample of an engine's answers agrees with those of transformers: a base, and what was tuned from it."""

    model: str
    base: int = Field(description="its number")
    engine: str = Field(description="and how it answers, in words")
    version: str = Field(description="of the engine")
    models: int = Field(description="that answered: the base and what was tuned from it")
    prompts: int = Field(description="answered by both, of all models together")
    identical: int = Field(description="answers that are the same, token by token")
    first: int | None = Field(default=None, description="the earliest token in which answers differ, from 1")
    gap: Finite | None = Field(
        default=None, description="nats between transformers' two best tokens where answers first differ; the largest"
    )
