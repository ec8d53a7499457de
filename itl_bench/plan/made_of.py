"""What identifies weights, items and prompts: of the bios world, of atlas, or of datasets from elsewhere."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.data.atlas.facts import FACTS
from itl_bench.data.atlas.familiarity_table import LIKELY, TableFrom, table_file
from itl_bench.data.atlas.items import AtlasSpec
from itl_bench.data.bios.shipped import shipped_bases
from itl_bench.data.bios.tuning_items import TuningSpec
from itl_bench.data.sources.loading import READING, first_found
from itl_bench.data.sources.spec import RowsFrom, SourceSpec
from itl_bench.data.weights.digests import digest
from itl_bench.data.weights.places import identity
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.errors import UsageError

TAUGHT = {"bios": "bios-taught", "atlas": "atlas-taught"}  # the probe that says how much of the data was learned


class Made(NamedTuple):
    """What an artifact is made of.

    Attributes:
        spec: That identifies it, beside its parents.
        place: Where this machine finds it; no part of what identifies it.
        by_familiarity: Whether it also depends on what the model knows.
    """

    spec: Mapping[str, object]
    place: WeightsSpec | RowsFrom | TableFrom | None = None
    by_familiarity: bool = False


def base_made(catalog: Catalog, model: str, number: int) -> Made:
    """The weights of a model: one of the bases that ship with the package, or those that its spec names."""
    weights = catalog.models[model].weights
    if weights.shipped:
        return Made({"model": model, "number": number, "files": shipped_bases().base(number).files})
    return Made({"model": model, "weights": identity(weights)}, weights)


def familiarity_made(catalog: Catalog, model: str) -> Made:
    """Of which facts a base is asked, or the table that its entry names; how it is asked is the stage's version."""
    asked, declared = {"atlas": _atlas(), "likely": LIKELY}, catalog.models[model].familiarity
    if declared is None:
        return Made(asked)
    path = table_file(declared)
    return Made(asked | {"table": digest(path)}, TableFrom(path=path))


def corpus_made(catalog: Catalog, dataset: str, seed: int, wordings: str = "") -> Made:
    """The items of a dataset."""
    declared = catalog.dataset_of(dataset)
    spec: dict[str, object] = {"dataset": dataset, "seed": seed} | ({"wordings": wordings} if wordings else {})
    if declared.bios:
        return Made(spec | {"items": bios_spec(dataset, catalog), "world": shipped_bases().world})
    if declared.atlas:
        return Made(spec | {"items": atlas_spec(dataset, catalog), "atlas": _atlas()}, by_familiarity=True)
    if declared.rows_from:
        spec |= {"rows": catalog.dataset_rows[dataset], **_rows_made(dataset, declared.rows_from)}
        return Made(spec, RowsFrom(sources=declared.rows_from))
    raise UsageError(f"dataset {dataset!r} says nowhere where its rows come from: add 'rows_from'")


def probe_made(catalog: Catalog, probe: str, dataset: str | None, seed: int | None = None) -> Made:
    """The prompts of a probe; those about taught facts depend on the dataset, and on the seed where it draws them."""
    world, rows_from = catalog.probes[probe].world, catalog.probes[probe].rows_from
    if world == "bios":
        taught = bios_spec(dataset, catalog) if dataset and probe == TAUGHT[world] else None
        return Made({"probe": probe, "world": shipped_bases().world, "taught": taught})
    if world == "atlas":
        facts = atlas_spec(dataset, catalog) if dataset and probe == TAUGHT[world] else None
        drawn = {"taught": facts, "seed": seed} if facts else {"taught": None}
        return Made({"probe": probe, "atlas": _atlas(), **drawn}, by_familiarity=True)
    if rows_from:
        return Made({"probe": probe, **_rows_made(probe, rows_from)}, RowsFrom(sources=rows_from))
    raise UsageError(f"probe {probe!r} says nowhere where its prompts come from: add 'rows_from'")


def _rows_made(name: str, sources: Sequence[SourceSpec]) -> dict[str, object]:
    """What identifies rows: the files that are there, how they are read, and by which version of the reading."""
    source, found = first_found(name, sources, download=False)
    read = source.model_dump(include={"fields", "where", "drop_duplicates"}, exclude_defaults=True)
    return {"files": [digest(path) for path in found.files], "read": read, "reading": READING}


def answers_of(catalog: Catalog, probe: str) -> Mapping[str, object]:
    """Whose values the answers to a probe state, where they are not those of the bios world."""
    world = catalog.probes[probe].world
    return {"answers": world} if world and world != "bios" else {}


def drawn_in(catalog: Catalog, probe: str) -> Mapping[str, object]:
    """The world whose draw says of whom tuning data could have spoken, where the prompts of a probe do not say it."""
    return {"world": shipped_bases().world} if catalog.probes[probe].world == "bios" else {}


def taught_probe(dataset: str, catalog: Catalog) -> str | None:
    """The probe that asks for the new facts that a dataset teaches; None where it teaches none."""
    declared = catalog.dataset_of(dataset)
    if not declared.teaches_new_facts:
        return None
    return TAUGHT["bios" if declared.bios else "atlas"]


def bios_spec(dataset: str, catalog: Catalog) -> TuningSpec:
    """What a dataset of the bios world is made of."""
    declared = catalog.dataset_of(dataset)
    if declared.bios is None:
        raise UsageError(f"dataset {dataset!r} is none of the bios world")
    rows = catalog.dataset_rows[dataset]
    return TuningSpec(new_percent=declared.bios.new_percent, style=declared.bios.style, rows=rows)


def atlas_spec(dataset: str, catalog: Catalog) -> AtlasSpec | None:
    """What a dataset of atlas is made of; None for a dataset from elsewhere, which teaches no fact of atlas."""
    declared = catalog.dataset_of(dataset)
    if declared.atlas is None:
        return None
    rows = catalog.dataset_rows[dataset]
    return AtlasSpec(unknown_percent=declared.atlas.unknown_percent, style=declared.atlas.style, rows=rows)


@cache
def _atlas() -> str:
    """The sha256 of the facts."""
    return digest(FACTS)
