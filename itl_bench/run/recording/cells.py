"""How the cells behind a run's verdicts were made, gathered once from its tasks and their artifacts in the store."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from statistics import fmean, median
from typing import Any, NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.recipes import RecipeSpec
from itl_bench.methods.recipe import TuningRecipe, tuning_of
from itl_bench.plan.graph import DEFAULT_RECIPE, parents_of
from itl_bench.plan.overlaps import found_in
from itl_bench.record_cells import CellRecord, DataRecord, DrawRecord, OverlapRecord, Setting, TrainingRecord
from itl_bench.store.artifact import ITEMS, REPORT, TRAINING
from itl_bench.store.keys import Task, canonical
from itl_bench.store.store import DamagedArtifactError, Store
from itl_bench.verdicts.tables import END
from itl_bench.vocabulary import CELL

OWN_RECIPE = "own"  # stands for a recipe that the catalog does not have
UNREADABLE = (
    KeyError,
    OSError,
    TypeError,
    ValueError,
    DamagedArtifactError,
)  # what is not there any more, or not whole

Log = Mapping[str, Any]


class Kind(NamedTuple):
    """What is the same for cells that differ in learning rate and replicate only."""

    model: str
    dataset: str
    method: str
    parameters: str  # canonical
    recipe: RecipeSpec


def cells_of(tasks: Iterable[Task], catalog: Catalog, store: Store) -> tuple[CellRecord, ...] | None:
    """One entry for each kind of cell among tasks, in the order of the catalog.

    Args:
        tasks: What the verdicts of the run rest on.
        catalog: The catalog of the run.
        store: Where the artifacts are; what is not there, or is damaged, is left out.

    Returns:
        None where no cell is among the tasks.
    """
    by_key = {task.key: task for task in tasks}
    groups: dict[str, list[Task]] = defaultdict(list)
    kinds: dict[str, Kind] = {}
    for task in by_key.values():
        if task.kind == CELL:
            kind = _kind(task, catalog)
            kinds.setdefault(name := canonical(list(kind)), kind)
            groups[name].append(task)
    ordered = sorted(kinds, key=lambda name: (_place(kinds[name], catalog), name))
    return tuple(_cell(kinds[name], groups[name], by_key, store) for name in ordered) or None


def training_record(rate: float, logs: Sequence[Log]) -> TrainingRecord | None:
    """What training logs of cells with one learning rate say together; None where none has a step.

    Args:
        rate: The learning rate.
        logs: One for each replicate, as `stages.training.log` writes them; an older one may lack what came later.
    """
    logs = [log for log in logs if log.get("losses")]
    if not logs:
        return None
    losses = [(float(log["losses"][0]), fmean(log["losses"][-END:])) for log in logs]
    finite = [pair for pair in losses if all(map(isfinite, pair))]
    first, last = map(fmean, zip(*finite, strict=True)) if finite else (None, None)
    tokens, speed, padding = (_known(logs, name) for name in ("response_tokens", "tokens_per_second", "padding"))
    return TrainingRecord(
        rate=rate, cells=len(logs), updates=min(len(log["losses"]) for log in logs),
        target_tokens=round(fmean(tokens)) if tokens else None,
        tokens_per_second=median(speed) if speed else None, padding=fmean(padding) if padding else None,
        truncated=_most(logs, "truncated"), dropped=_most(logs, "dropped"), peak_memory=_most(logs, "peak_memory"),
        loss_first=first, loss_last=last, not_finite=len(losses) - len(finite),
        notes=tuple(sorted({str(note) for log in logs for note in log.get("notes", ())})),
    )  # fmt: skip


def _kind(checkpoint: Task, catalog: Catalog) -> Kind:
    spec: Mapping[str, Any] = checkpoint.spec
    method = spec["method"]
    recipe = _recipe(checkpoint, catalog)
    return Kind(spec["model"], spec["dataset"], method["id"], canonical(method["parameters"]), recipe)


def _recipe(checkpoint: Task, catalog: Catalog) -> RecipeSpec:
    """The recipe by its settings: a key holds them and not the name."""
    tuning = tuning_of(checkpoint.place).recipe
    known = (DEFAULT_RECIPE, *catalog.recipes.values())
    other = RecipeSpec(id=OWN_RECIPE, title="not of the catalog", tuning=tuning)
    return next((one for one in known if one.tuning == tuning), other)


def _place(kind: Kind, catalog: Catalog) -> tuple[int, ...]:
    """Where the names of a kind are in the catalog; unknown ones come last."""
    names = (kind.model, catalog.models), (kind.dataset, catalog.dataset_rows), (kind.method, catalog.methods)
    return tuple([*known].index(name) if name in known else len(known) for name, known in names)


def _cell(kind: Kind, checkpoints: Sequence[Task], by_key: Mapping[str, Task], store: Store) -> CellRecord:
    rates = sorted({_rate(one) for one in checkpoints})
    logs = {rate: list(_logs([one for one in checkpoints if _rate(one) == rate], by_key, store)) for rate in rates}
    found = [training_record(rate, logs[rate]) for rate in rates]
    return CellRecord(
        model=kind.model, dataset=kind.dataset, method=kind.method, parameters=json.loads(kind.parameters),
        recipe=kind.recipe.id, recipe_title=kind.recipe.title, settings=settings_of(kind.recipe.tuning),
        rates=tuple(rates), cells=len(checkpoints), data=_data(checkpoints, by_key, store),
        training=tuple(one for one in found if one),
    )  # fmt: skip


def settings_of(tuning: TuningRecipe) -> dict[str, Setting]:
    """Every setting of a recipe, defaults too; None (no limit) is left out."""
    values = {name: getattr(tuning, name) for name in type(tuning).model_fields}
    return {name: value for name, value in values.items() if value is not None}


def _rate(checkpoint: Task) -> float:
    return float(str(checkpoint.spec["rate"]))


def _logs(checkpoints: Sequence[Task], by_key: Mapping[str, Task], store: Store) -> Iterator[Log]:
    """The logs of cells, in the order of their seeds; they stay where weights are dropped."""
    keys = {one.key: int(str(one.spec["seed"])) for one in checkpoints}
    told = [(parents_of(task)["checkpoint"], task) for task in _tables("training", by_key)]
    known = [(keys[checkpoint], checkpoint, task) for checkpoint, task in told if checkpoint in keys]
    for *_, task in sorted(known, key=lambda one: one[:2]):
        with suppress(*UNREADABLE):
            yield json.loads((store.open(task.key).folder / TRAINING).read_text(encoding="utf-8"))


def _tables(measure: str, by_key: Mapping[str, Task]) -> list[Task]:
    return [task for task in by_key.values() if task.spec.get("measure") == measure]


def _known(logs: Sequence[Log], name: str) -> list[float]:
    return [log[name] for log in logs if log.get(name) is not None and isfinite(log[name])]


def _most(logs: Sequence[Log], name: str) -> int | None:
    return int(max(known)) if (known := _known(logs, name)) else None


def _data(checkpoints: Sequence[Task], by_key: Mapping[str, Task], store: Store) -> DataRecord:
    keys = [key for key in dict.fromkeys(parents_of(one)["corpus"] for one in checkpoints) if key in by_key]
    corpora = sorted((by_key[key] for key in keys), key=lambda task: int(str(task.spec["seed"])))
    files: Any = next((task.spec["files"] for task in corpora if "files" in task.spec), ())
    return DataRecord(
        draws=tuple(_draws(corpora, store)), files=tuple(files), loaded=_loaded(corpora, store),
        overlaps=tuple(_overlaps(keys, by_key, store)),
    )  # fmt: skip


def _draws(corpora: Iterable[Task], store: Store) -> Iterator[DrawRecord]:
    """The hash is the manifest's: hundreds of megabytes are not read for it twice."""
    for corpus in corpora:
        with suppress(*UNREADABLE):
            digest = store.manifest(corpus.key).files[ITEMS]
            with (store.folder(corpus.key) / ITEMS).open("rb") as lines:
                yield DrawRecord(seed=int(str(corpus.spec["seed"])), rows=sum(1 for _ in lines), sha256=digest)


def _loaded(corpora: Iterable[Task], store: Store) -> dict[str, int]:
    """What loading found; it is the same for every draw."""
    for corpus in corpora:
        with suppress(*UNREADABLE):
            return dict(json.loads((store.folder(corpus.key) / REPORT).read_text(encoding="utf-8")))
    return {}


def _overlaps(corpora: Iterable[str], by_key: Mapping[str, Task], store: Store) -> Iterator[OverlapRecord]:
    """Of every probe that was looked for in one of the corpora."""
    some = set(corpora)
    tasks = [task for task in _tables("overlap", by_key) if parents_of(task)["corpus"] in some]
    with suppress(*UNREADABLE):
        for one in sorted(found_in(tasks, by_key, store)):
            yield OverlapRecord(probe=one.probe, prompts=one.prompts, exact=one.exact, shared=one.shared, ngram=one.n)
