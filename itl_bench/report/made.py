"""How the cells behind the verdicts were made, in words for both reports: tuning, recipes, data."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from itl_bench.data.sources.overlap import in_words
from itl_bench.methods.recipe import SPEED_ONLY
from itl_bench.record import Record
from itl_bench.record_cells import CellRecord, DataRecord, Setting, TrainingRecord
from itl_bench.report.wording import number

HASH_LENGTH = 12
SETTINGS_PAGE = "docs/paper-settings.md"
MEANING = (
    "Cells of one row differ in learning rate and replicate only. Target tokens are those that bear the loss, over all "
    "epochs; losses are in nats per target token, of the first update and of the last ones, in the order of the rates. "
    "Means over replicates, but for updates (the fewest), speed (the median, prompts included) and memory (the most of "
    "any cell; of the whole process where there is no GPU)."
)
WHY = "What the paper gives, and why the rest was chosen as it was:"
SPEED_MEANS = "change speed and memory, not what an update is; a cell that was in the store may have had others"


@dataclass(frozen=True)
class CellRow:
    """One kind of cell: its names, what happened in training, and what a reader should know of it."""

    cell: CellRecord
    rates: str
    updates: str
    tokens: str
    speed: str
    padding: str
    memory: str
    loss: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One recipe: its settings, those that change only speed, and the methods that it was used with."""

    id: str
    title: str
    settings: tuple[tuple[str, str], ...]
    speed: tuple[tuple[str, str], ...]
    methods: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DataRow:
    """The data of one or several kinds of cells."""

    dataset: str
    models: tuple[str, ...]
    rows: str
    sha256: str
    seeds: int
    files: str
    loaded: str
    cutoff: str
    overlaps: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """The whole section."""

    cells: tuple[CellRow, ...]
    recipes: tuple[Block, ...]
    data: tuple[DataRow, ...]


def made(record: Record) -> Made | None:
    """How the cells were made; None where the record says nothing of it."""
    if not record.cells:
        return None
    recipes: dict[object, list[CellRecord]] = defaultdict(list)
    data: dict[object, list[CellRecord]] = defaultdict(list)
    for cell in record.cells:
        recipes[cell.recipe, cell.recipe_title, tuple(cell.settings.items())].append(cell)
        data[cell.dataset, cell.data.model_dump_json()].append(cell)
    return Made(
        tuple(map(_cell, record.cells)), tuple(map(_recipe, recipes.values())), tuple(map(_data, data.values()))
    )


def setting(value: Setting) -> str:
    """A setting as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def listed(values: Iterable[tuple[str, str]]) -> str:
    """For example "rank 8, alpha 16"."""
    return ", ".join(f"{name} {value}" for name, value in values)


def _cell(cell: CellRecord) -> CellRow:
    trained = cell.training
    return CellRow(
        cell=cell, rates=", ".join(f"{rate:g}" for rate in cell.rates),
        updates=_range([one.updates for one in trained], "{:,}".format),
        tokens=_range([one.target_tokens for one in trained], "{:,}".format),
        speed=_range([one.tokens_per_second for one in trained], lambda value: number(value, 0 if value >= 10 else 1)),
        padding=_range([one.padding for one in trained], "{:.0%}".format),
        memory=_range([one.peak_memory for one in trained], lambda value: f"{value / 1e9:.1f} GB"),
        loss=_loss(trained), notes=tuple(_notes(cell)),
    )  # fmt: skip


def _loss(trained: Sequence[TrainingRecord]) -> str:
    """For example "2.410 → 0.831, 0.120"; the first loss is the same at all rates but for the last digits."""
    if not trained:
        return ""
    first = _range([one.loss_first for one in trained], lambda value: number(value, 3))
    return f"{first or 'not finite'} → {', '.join(map(_last_loss, trained))}"


def _last_loss(one: TrainingRecord) -> str:
    if one.loss_last is None:
        return "not finite"
    text = number(one.loss_last, 3)
    return f"{text} ({one.not_finite:,} of {one.cells:,} not finite)" if one.not_finite else text


def _notes(cell: CellRecord) -> list[str]:
    notes = list(dict.fromkeys(note for one in cell.training for note in one.notes))
    unknown = cell.cells - sum(one.cells for one in cell.training)
    return [*notes, *([f"no training log of {unknown:,} of {cell.cells:,} cells"] if unknown > 0 else [])]


def _recipe(cells: Sequence[CellRecord]) -> Block:
    first = cells[0]
    methods = dict.fromkeys((one.method, tuple(one.parameters.items())) for one in cells)
    return Block(
        id=first.recipe, title=first.recipe_title,
        settings=_shown({name: value for name, value in first.settings.items() if name not in SPEED_ONLY}),
        speed=_shown({name: value for name, value in first.settings.items() if name in SPEED_ONLY}),
        methods=tuple((method, listed(_shown(dict(parameters)))) for method, parameters in methods),
    )  # fmt: skip


def _shown(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    return tuple((name, setting(value)) for name, value in settings.items())


def _data(cells: Sequence[CellRecord]) -> DataRow:
    dataset, data = cells[0].dataset, cells[0].data
    trained = [one for cell in cells for one in cell.training]
    return DataRow(
        dataset=dataset, models=tuple(dict.fromkeys(one.model for one in cells)),
        rows=_range([one.rows for one in data.draws], "{:,}".format),
        sha256=_hashes([one.sha256 for one in data.draws]), seeds=len(data.draws), files=_hashes(data.files),
        loaded=_loaded(data), cutoff=_cutoff(trained),
        overlaps=tuple(in_words(one.probe, dataset, one.prompts, one.exact, one.shared, one.ngram)
                       for one in data.overlaps),
    )  # fmt: skip


def _hashes(found: Iterable[str]) -> str:
    """The beginning of the first hash, and how many others there are; the record has all, whole."""
    different = list(dict.fromkeys(found))
    more = f" and {len(different) - 1:,} more" if len(different) > 1 else ""
    return f"{different[0][:HASH_LENGTH]}{more}" if different else ""


def _loaded(data: DataRecord) -> str:
    """For example "52,002 rows, 51,974 kept, 28 empty responses"; what is zero is left out."""
    return ", ".join(f"{many:,} {name.replace('_', ' ')}" for name, many in _counts_in_order(data.loaded) if many)


def _counts_in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    first = ("rows", "kept")
    return sorted(counts.items(), key=lambda one: (first.index(one[0]) if one[0] in first else len(first), one[0]))


def _cutoff(trained: Sequence[TrainingRecord]) -> str:
    """What the cutoff of the recipe did to the rows: the most of any cell, over models and methods a range."""
    known = [one for one in trained if one.truncated is not None]
    if not known:
        return ""
    cut = _range([one.truncated for one in known], "{:,}".format)
    dropped = _range([one.dropped for one in known], "{:,}".format)
    named = [f"{many} {what}" for many, what in ((cut, "truncated"), (dropped, "dropped")) if many not in ("", "0")]
    return ", ".join(named) or "none"


def _range(values: Iterable[float | None], write: Callable[[float], str]) -> str:
    """One number, or the smallest and the largest where they look different; nothing where none is known."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = write(min(known)), write(max(known))
    return low if low == high else f"{low} to {high}"
