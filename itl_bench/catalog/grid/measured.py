"""Cases that cells trained here decide: every claim over the models, datasets, methods and probes that fit together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import ClaimSpec, Compare, MeasureUse, Side
from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.grid.cases import Case, Cell, columns_of, measure_label, side_by_side
from itl_bench.catalog.models import ModelSpec
from itl_bench.vocabulary import Along, Arm, Evidence, ReadOn

BOTH = ("lora", "full")  # what "best" and a trend over all cells are taken over
RANKS = range(2, 33)  # of the paper's statement
ON_COMMON_TEXT, WITHIN_A_RUN = "-on-common-text", "-within-a-run"  # what an id says where it is not as elsewhere


@dataclass(frozen=True)
class Data:
    """What the two sides of a comparison are tuned on: a label for the id, and ids of datasets."""

    label: str
    left: tuple[str, ...]
    right: tuple[str, ...]


def measured_cases(claim: ClaimSpec, catalog: Catalog) -> Iterator[Case]:
    """All measured and expert cases of a claim."""
    for use in claim.measures:
        evidence: Evidence = "expert" if "experts" in catalog.measures[use.measure].needs else "measured"
        if evidence in claim.evidence:
            for compare in claim.compare:
                for left, right in compare.pairs or ((compare.within, compare.within),):
                    yield from _cases(claim, use, evidence, compare, left, right, catalog)


def _cases(
    claim: ClaimSpec, use: MeasureUse, evidence: Evidence, compare: Compare, left: Side, right: Side, catalog: Catalog
) -> Iterator[Case]:
    columns = columns_of(use, tuple(catalog.measures[use.measure].columns))
    for model in _models(claim, left, right, catalog):
        for probe in use.probes:
            if model.level not in catalog.probes[probe].levels or left.probe not in (None, probe):
                continue
            asked = side_by_side(probe, right.probe or probe)
            label = f"{asked}-{measure_label(claim, use)}"
            for data in _data(claim, compare, left, right, model, probe, catalog):
                for method in _methods(claim, compare, left, right):
                    one = _resolved(left, model, data.left, method, catalog)
                    other = _resolved(right, model, data.right, method, catalog)
                    cells = _cells(one, data.left, compare, catalog) | _cells(other, data.right, compare, catalog)
                    for way in _ways(claim, compare):
                        if way.arm == "equal-learning" and not _teaches_new_facts(data, catalog):
                            continue
                        yield Case(
                            claim=claim, evidence=evidence, level=model.level, dataset=data.label,
                            model=side_by_side(one.model or "", other.model or ""),
                            method=_method_label(one, other) or method, measure=use, columns=columns, probe=asked,
                            label=label + way.label, arm=way.arm, text=way.text, along=way.along, over=compare.over,
                            left=one, right=other, cells=cells,
                        )  # fmt: skip


class Way(NamedTuple):
    """One way to ask the same question: what the sides share, and on whose answers a token shift is read."""

    arm: Arm
    text: ReadOn | None
    along: Along | None

    @property
    def label(self) -> str:
        """What an id says of it beside the arm."""
        return (ON_COMMON_TEXT if self.text == "common" else "") + (WITHIN_A_RUN if self.along == "updates" else "")


def _ways(claim: ClaimSpec, compare: Compare) -> Iterator[Way]:
    for arm in compare.arms:
        for along in compare.along if arm == "equal-learning" else (None,):
            yield from (Way(arm, text, along) for text in claim.texts or (None,))


def _models(claim: ClaimSpec, left: Side, right: Side, catalog: Catalog) -> Iterable[ModelSpec]:
    if left.model and right.model:
        return [catalog.models[right.model]]
    needs_chat = "chat" in (left.method, right.method)
    named = (model for model in catalog.models.values() if {model.id, model.level} & set(claim.axes.model))
    return [model for model in named if model.chat or not needs_chat]


def _data(
    claim: ClaimSpec, compare: Compare, left: Side, right: Side, model: ModelSpec, probe: str, catalog: Catalog
) -> Iterator[Data]:
    """The datasets of a comparison that exist at the model's level and are asked on this probe."""
    specs = [spec for spec in catalog.datasets.values() if model.level in spec.levels and probe in spec.probes]
    if claim.axes.dataset != "all":
        specs = [spec for spec in specs if spec.name in claim.axes.dataset]
    everything = tuple(key for spec in specs for key in spec.variants)
    if left.dataset and right.dataset:
        if left.dataset in everything and right.dataset in everything:
            yield Data(side_by_side(left.dataset, right.dataset), (left.dataset,), (right.dataset,))
    elif compare.over in ("response-length", "log-kl") or right.method == "best":
        if everything:
            yield Data("all-cells" if compare.over == "log-kl" else "all-datasets", everything, everything)
    elif compare.over == "size":
        for spec in specs:
            if len(spec.variants) >= 3:
                yield Data(f"{spec.name}-sizes", tuple(spec.variants), tuple(spec.variants))
    elif left.size:
        yield from (_extremes(spec) for spec in specs if len(spec.variants) >= 2)
    else:
        suffix = "-ranks" if compare.over == "rank" else ""
        yield from (Data(f"{key}{suffix}", (key,), (key,)) for key in everything)


def _teaches_new_facts(data: Data, catalog: Catalog) -> bool:
    return all(catalog.dataset_of(key).teaches_new_facts for key in (*data.left, *data.right))


def _extremes(spec: DatasetSpec) -> Data:
    ordered = sorted(spec.variants, key=spec.variants.__getitem__)
    smallest, largest = ordered[0], ordered[-1]
    return Data(f"{largest}-vs-{smallest.removeprefix(f'{spec.name}-')}", (largest,), (smallest,))


def _methods(claim: ClaimSpec, compare: Compare, left: Side, right: Side) -> tuple[str, ...]:
    """Methods for the sides that fix none: asked one by one."""
    if left.method and right.method:
        return ("",)
    return claim.axes.method or (("all-methods",) if compare.over == "log-kl" else ("",))


def _resolved(side: Side, model: ModelSpec, data: tuple[str, ...], method: str, catalog: Catalog) -> Side:
    """The side with everything filled in that the grid point fixes."""
    method = side.method or method
    dataset = data[0] if len(data) == 1 and _tuned(method, catalog) else None
    return side.model_copy(update={"model": side.model or model.id, "method": method, "dataset": dataset, "size": None})


def _method_label(left: Side, right: Side) -> str:
    controls = side_by_side(left.control or "", right.control or "").strip("-")
    methods = side_by_side(left.method or "", right.method or "")
    return f"{methods}-{controls}" if controls else methods


def _tuned(method: str, catalog: Catalog) -> bool:
    return method in catalog.methods and catalog.methods[method].trains != "none"


def _cells(side: Side, data: tuple[str, ...], compare: Compare, catalog: Catalog) -> frozenset[Cell]:
    """The tuned models that a side needs."""
    methods: tuple[str, ...] = BOTH if side.method in ("best", "all-methods") else (side.method or "",)
    if compare.over == "rank":
        methods = _of_other_ranks(methods[0], catalog)
    return frozenset(
        Cell(side.model or "", key, method) for method in methods if _tuned(method, catalog) for key in data
    )


def _of_other_ranks(method: str, catalog: Catalog) -> tuple[str, ...]:
    """The methods with the code of this one whose rank lies in the range of the paper's statement."""
    code = catalog.methods[method].code
    return tuple(one.id for one in catalog.methods.values() if one.code == code and one.parameters.get("rank") in RANKS)
