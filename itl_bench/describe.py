"""A case in words, and the fields of its record that are known before it is judged."""

from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.matching import dataset_id
from itl_bench.record import CaseRecord

PER = {
    "size": "per tenfold data",
    "rank": "per tenfold rank",
    "response-length": "per e-fold length of the data's responses",
    "log-kl": "per e-fold divergence",
}


def compared(case: Case) -> str:
    """What is compared, for example "lora on tulu-1k minus full on medinstruct-52k, llama7b, medinstruct-test"."""
    where = ", ".join(part for part in (case.model, case.probe) if part)
    if over := _over(case):
        data = case.dataset.removesuffix("-sizes") or "the data"
        text = f"trend over {over.replace('-', ' ')} of {data} with {case.method or 'full'}"
    elif case.published and case.published.unit in ("quantity", "text"):
        text = "a statement" if case.published.unit == "text" else (case.published.quantity or "").replace("_", " ")
    else:
        left, right = _side(case, 0), _side(case, 1)
        text = f"{left} minus {right}"
    return f"{text}; {where}" if where else text


def unit_of(case: Case, catalog: Catalog) -> str:
    """The unit of the case's effect."""
    unit = catalog.measures[case.measure.measure].unit
    if unit == "by column":
        unit = "; ".join(catalog.measures[case.measure.measure].columns[name] for name in case.columns)
    over = _over(case)
    return f"{unit}, {PER[over]}" if over else unit


def _over(case: Case) -> str | None:
    if case.published:
        return case.published.unit if case.published.unit in PER else None
    return next((compare.over for compare in case.claim.compare if compare.over), None)


def _side(case: Case, index: int) -> str:
    """One side of the comparison, named by what differs."""
    method, dataset = _part(case.method, index), _part(case.dataset, index)
    if len(case.pairs) == 1:
        dataset = dataset_id(case.pairs[0][index])
    elif case.left.size and index == 1:  # the label "tulu-326k-vs-1k" names the dataset once
        dataset = f"{_part(case.dataset, 0).rsplit('-', 1)[0]}-{dataset}"
    side = (case.left, case.right)[index]
    words = [method or side.control or ""]
    if dataset and method != "chat":
        words.append(f"on {dataset}")
    if "-vs-" in case.model:
        words.append(f"({_part(case.model, index)})")
    if side.probe:
        words.append(f"asked {side.probe}")
    return " ".join(word for word in words if word)


def _part(label: str, index: int) -> str:
    parts = label.split("-vs-")
    return parts[index] if len(parts) == 2 else label


def identity(case: Case, catalog: Catalog) -> dict[str, object]:
    """The fields of a case's record that are known before it is judged."""
    claim = case.claim
    return {
        "id": case.id, "claim": claim.id, "statement": claim.statement, "section": claim.section, "role": case.role,
        "evidence": case.evidence, "level": case.level, "arm": case.arm, "expect": claim.expect,
        "compared": compared(case), "measure": case.measure.measure, "unit": unit_of(case, catalog),
        "model": case.model, "dataset": case.dataset, "method": case.method, "probe": case.probe,
        "judge": next(iter(catalog.judges)) if "judge" in catalog.measures[case.measure.measure].needs else None,
    }  # fmt: skip


def not_run_record(case: Case, catalog: Catalog, reason: str) -> CaseRecord:
    """The record of a case that was not run: no verdict, and why."""
    return CaseRecord.model_validate(identity(case, catalog) | {"reason": reason})
