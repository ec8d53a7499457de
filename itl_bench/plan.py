"""What cases need that this machine or this version does not have, and what it would roughly cost."""

from collections.abc import Iterable
from dataclasses import dataclass

from itl_bench.cases import Case, Cell
from itl_bench.catalog import Catalog

EPOCHS = 3  # the paper's
REPLICATES = 5  # the fewest for a verdict
# Bytes a parameter: in full tuning fp32 weight, gradient and two optimizer moments; under an adapter the bf16 weight,
# and room for the adapter.
BYTES = {"all": 16, "adapter": 2.5}
TOKENS_PER_SECOND_7B = {"adapter": 12_500, "all": 10_000}  # on one H100-class GPU; other sizes in proportion
REFERENCE_PARAMETERS = 7_000_000_000


@dataclass(frozen=True)
class Price:
    """Rough cost of cells at one learning rate: for orientation, not a promise."""

    cells: int = 0
    gpu_hours: float = 0.0
    memory_gb: float = 0.0  # largest cell
    dollars: float = 0.0


def price(cells: Iterable[Cell], answers: int, catalog: Catalog) -> Price:
    """Cost of training the cells with all replicates, and of judging `answers` answers of each tuned model."""
    some = list(cells)
    judge = next(iter(catalog.judges.values()))
    return Price(
        cells=len(some) * REPLICATES,
        gpu_hours=sum(_hours(cell, catalog) for cell in some) * REPLICATES,
        memory_gb=max((memory_gb(cell, catalog) for cell in some), default=0.0),
        dollars=len(some) * REPLICATES * answers * judge.dollars_per_answer,
    )


def memory_gb(cell: Cell, catalog: Catalog) -> float:
    """GPU memory for training a cell before activations, in GB (10^9 bytes)."""
    bytes_each = BYTES[catalog.methods[cell.method].trains]
    return catalog.models[cell.model].parameters * bytes_each / 1e9


def _hours(cell: Cell, catalog: Catalog) -> float:
    tokens = catalog.dataset_rows[cell.dataset] * catalog.dataset_of(cell.dataset).mean_tokens * EPOCHS
    speed = TOKENS_PER_SECOND_7B[catalog.methods[cell.method].trains]
    return tokens / speed * catalog.models[cell.model].parameters / REFERENCE_PARAMETERS / 3600


def answers_of(case: Case, catalog: Catalog) -> int:
    """Answers of a cell that a judge has to score for the case."""
    judged = "judge" in catalog.measures[case.measure.measure].needs
    probe = catalog.probes.get(case.probe or "")
    return probe.prompts if judged and probe else 0


def missing(case: Case, catalog: Catalog) -> str:
    """Why a case cannot run here, and what it would need: one line."""
    cost = price(case.cells, answers_of(case, catalog), catalog)
    needs = [f"{cost.cells} cells"]
    if case.level == "paper":
        needs.append(
            f"{cost.memory_gb:,.0f} GB of GPU memory before activations, about {_round(cost.gpu_hours)} GPU-hours"
        )
    needs.append("weights " + ", ".join(_weights(case, catalog)))
    needs.append("data " + ", ".join(sorted({catalog.dataset_of(cell.dataset).source for cell in case.cells})))
    for need in catalog.measures[case.measure.measure].needs:
        if need == "judge":
            needs.append(f"judge {next(iter(catalog.judges))} (OPENAI_API_KEY, about {cost.dollars:,.0f} USD)")
        elif need == "experts":
            needs.append("human annotators")
    return "not run: this version trains cells of the bios world only; needs " + "; ".join(needs)


def _weights(case: Case, catalog: Catalog) -> list[str]:
    weights: dict[str, None] = {}
    for side in (case.left, case.right):
        model = catalog.models[side.model or ""]
        weights[model.weights] = None
        if side.method == "chat" and model.chat:
            weights[model.chat.weights] = None
    return list(weights)


def _round(hours: float) -> str:
    return f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"
