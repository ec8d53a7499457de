"""Cases that cells trained here decide: every claim over the models, datasets, methods and probes that fit together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from itl_bench.cases import Case, columns_of, measure_label, side_by_side
from itl_bench.catalog import Catalog
from itl_bench.specs import ClaimSpec, Compare, DatasetSpec, MeasureUse, ModelSpec, Side
from itl_bench.vocabulary import ARMS, Evidence


@dataclass(frozen=True)
class Data:
    """What the cells of a case are tuned on: a label for the id, and the datasets behind it."""

    label: str
    specs: tuple[DatasetSpec, ...]


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
    for model_label, model in _models(claim, left, right, catalog):
        for probe in use.probes:
            if model.level not in catalog.probes[probe].levels or left.probe not in (None, probe):
                continue
            asked = side_by_side(probe, right.probe or probe)
            for data in _data(claim, compare, left, right, model, probe, catalog):
                for method in _methods(claim, compare, left, right):
                    for arm in ARMS:
                        yield Case(
                            claim=claim, evidence=evidence, level=model.level, model=model_label, dataset=data.label,
                            method=method, measure=use, columns=columns, label=f"{asked}-{measure_label(claim, use)}",
                            probe=asked, arm=arm, left=left, right=right,
                        )  # fmt: skip


def _models(claim: ClaimSpec, left: Side, right: Side, catalog: Catalog) -> Iterator[tuple[str, ModelSpec]]:
    if left.model and right.model:
        yield side_by_side(left.model, right.model), catalog.models[right.model]
        return
    for model in catalog.models.values():
        if {model.id, model.level} & set(claim.axes.model) and (
            model.chat or "chat" not in (left.method, right.method)
        ):
            yield model.id, model


def _data(
    claim: ClaimSpec, compare: Compare, left: Side, right: Side, model: ModelSpec, probe: str, catalog: Catalog
) -> Iterator[Data]:
    """The datasets of a comparison that exist at the model's level and are asked on this probe."""
    specs = [spec for spec in catalog.datasets.values() if model.level in spec.levels and probe in spec.probes]
    if claim.axes.dataset != "all":
        specs = [spec for spec in specs if spec.name in claim.axes.dataset]
    if left.dataset and right.dataset:
        both = (catalog.dataset_of(left.dataset), catalog.dataset_of(right.dataset))
        if all(spec in specs for spec in both):
            yield Data(side_by_side(left.dataset, right.dataset), both)
    elif compare.over in ("response-length", "log-kl") or right.method == "best":
        if specs:
            yield Data("all-cells" if compare.over == "log-kl" else "all-datasets", tuple(specs))
    elif compare.over == "size":
        yield from (Data(f"{spec.name}-sizes", (spec,)) for spec in specs if len(spec.variants) >= 3)
    elif left.size:
        yield from (Data(_extremes(spec), (spec,)) for spec in specs if len(spec.variants) >= 2)
    else:
        suffix = "-ranks" if compare.over == "rank" else ""
        yield from (Data(f"{variant}{suffix}", (spec,)) for spec in specs for variant in spec.variants)


def _extremes(spec: DatasetSpec) -> str:
    labels = sorted(spec.sizes or {}, key=lambda label: (spec.sizes or {})[label])
    return f"{spec.name}-{labels[-1]}-vs-{labels[0]}"


def _methods(claim: ClaimSpec, compare: Compare, left: Side, right: Side) -> Iterable[str]:
    if left.method and right.method:
        controls = side_by_side(left.control or "", right.control or "").strip("-")
        methods = side_by_side(left.method, right.method)
        return [f"{methods}-{controls}" if controls else methods]
    if claim.axes.method:
        return list(claim.axes.method)
    return ["all-methods"] if compare.over == "log-kl" else [left.method or right.method or ""]
