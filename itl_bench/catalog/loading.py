"""From `cases/` (and a user's own folder) to validated specs; everything that is wrong is reported at once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

from itl_bench.catalog.catalog import Catalog, identity_of
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import ClaimSpec, MechanismSpec
from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.explain import kind_of, validate
from itl_bench.catalog.judges import JudgeSpec
from itl_bench.catalog.measures import MeasureSpec
from itl_bench.catalog.methods import MethodSpec
from itl_bench.catalog.models import ModelSpec
from itl_bench.catalog.probes import ProbeSpec
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.catalog.published import HEADERS, load_tables
from itl_bench.catalog.rates import ChosenRate
from itl_bench.catalog.recipes import RecipeSpec
from itl_bench.catalog.references import check_references
from itl_bench.catalog.yaml_file import read_yaml
from itl_bench.errors import UsageError, nearest, unknown
from itl_bench.specs import Spec

AnySpec = TypeVar("AnySpec", bound=Spec)
FILES: dict[str, type[Spec]] = {
    "models": ModelSpec,
    "datasets": DatasetSpec,
    "methods": MethodSpec,
    "probes": ProbeSpec,
    "measures": MeasureSpec,
    "judges": JudgeSpec,
    "profiles": ProfileSpec,
    "mechanisms": MechanismSpec,
    "recipes": RecipeSpec,
    "cells": CellTable,
    "rates": ChosenRate,
}


WRITTEN = ("rates",)  # by a command: before it there are none


def shipped(name: str) -> Path:
    """The folder `cases` or `benchmark` of this installation: of the checkout, or packed into the wheel."""
    package = Path(__file__).parent.parent
    packed = package / "_shipped" / name
    return packed if packed.is_dir() else package.parent / name


def load_catalog(own: Path | None = None, folder: Path | None = None) -> Catalog:
    """Read the catalog.

    Args:
        own: A user's own folder of the same layout; its entries add to the shipped ones or replace those of one id.
        folder: The catalog itself; the shipped `cases/` by default.

    Raises:
        UsageError: One line per mistake, each with file, key, value, what is accepted and the nearest match.
    """
    folders = [folder or shipped("cases")] + ([own] if own else [])
    for one in folders:
        _check_folder(one)
    problems: list[str] = []
    sources: dict[tuple[str, str], str] = {}
    specs = {name: _load_list(folders, name, kind, sources, problems) for name, kind in FILES.items()}
    tables = load_tables(lambda name: _last(folders, f"published/{name}"), problems)
    unreadable = bool(problems)
    claims = _load_claims(folders, sources, problems)
    if unreadable:  # then names cannot be checked: what they should name may be in what could not be read
        _stop(problems)
    own_claims = frozenset(claims) - frozenset(_load_claims(folders[:1], {}, [])) if own else frozenset()
    own_file = str(own / "datasets.yaml") if own else ""
    own_datasets = frozenset(key for (kind, key), file in sources.items() if (kind, file) == ("DatasetSpec", own_file))
    catalog = Catalog(
        **specs, claims=claims, tables=tables, sources=sources, sha256=_sha256(folders),  # type: ignore[arg-type]
        own_claims=own_claims, own_datasets=own_datasets,
    )  # fmt: skip
    check_references(catalog, problems)
    _stop(problems)
    return catalog


def _stop(problems: list[str]) -> None:
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))


def _files(folder: Path) -> list[Path]:
    patterns = ("*.yaml", "claims/*.yaml", "published/*.csv")
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        file = ", which is a file" if folder.exists() else ""
        raise UsageError(f"no catalog folder at {folder}{file}; give a folder with models.yaml, claims/, ...")
    _stop([f"{path}: {message}" for path, message in _strangers(folder)])
    if not _files(folder):
        accepted = ", ".join(f"{name}.yaml" for name in FILES)
        raise UsageError(f"{folder} holds no catalog file; accepted are {accepted}, claims/*.yaml, published/*.csv")


def _strangers(folder: Path) -> Iterator[tuple[Path, str]]:
    """A misspelt file or folder name would otherwise be ignored without a word."""
    accepted = {".": [f"{name}.yaml" for name in FILES], "published": [f"{name}.csv" for name in HEADERS]}
    for place, names in accepted.items():
        for path in sorted((folder / place).glob("*")):
            if path.suffix in (".yaml", ".yml", ".csv") and path.name not in names:
                yield path, unknown("catalog file", path.name, names)
    for path in sorted(folder.glob("claims/*.yml")):
        yield path, f"unknown catalog file {path.name!r}; did you mean {path.stem + '.yaml'!r}? Accepted: *.yaml."
    for path in sorted(folder.glob("*/")):
        places = ("claims", "published", "expected")
        if path.name not in places and nearest(path.name, places):
            yield path, unknown("catalog folder", path.name, places)


def _last(folders: list[Path], name: str) -> Path:
    return next((folder / name for folder in reversed(folders) if (folder / name).exists()), folders[0] / name)


def _sha256(folders: list[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in _files(folder):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _load_list(
    folders: list[Path], name: str, kind: type[AnySpec], sources: dict[tuple[str, str], str], problems: list[str]
) -> dict[str, AnySpec]:
    specs: dict[str, AnySpec] = {}
    for index, folder in enumerate(folders):
        path = folder / f"{name}.yaml"
        if (index or name in WRITTEN) and not path.exists():
            continue
        entries = read_yaml(path, problems)
        if entries is None:
            continue
        if not isinstance(entries, list) or not entries:
            found = kind_of(entries) if entries else "nothing"
            problems.append(f"{path}: expected a list of entries (each starting with '- '), found {found}")
            continue
        seen: set[str] = set()
        for position, entry in enumerate(entries, start=1):
            label = entry.get("id", entry.get("name")) if isinstance(entry, dict) else None
            where = f"{path}: entry {position}" + (f" ({label})" if isinstance(label, str) else "")
            spec = validate(kind, entry, where, problems)
            if spec is not None:
                _add(specs, _beside(spec, folder), str(path), seen, sources, problems)
    return specs


def _beside(spec: AnySpec, folder: Path) -> AnySpec:
    """The spec with relative paths to files that are beside the one that declares them."""
    found = spec.beside(folder) if isinstance(spec, ModelSpec | DatasetSpec | ProbeSpec) else spec
    return cast(AnySpec, found)


def _load_claims(folders: list[Path], sources: dict[tuple[str, str], str], problems: list[str]) -> dict[str, ClaimSpec]:
    specs: dict[str, ClaimSpec] = {}
    for folder in folders:
        seen: set[str] = set()
        for path in sorted((folder / "claims").glob("*.yaml")):
            data = read_yaml(path, problems)
            spec = None if data is None else validate(ClaimSpec, data, str(path), problems)
            if spec is not None:
                _add(specs, spec, str(path), seen, sources, problems)
    return dict(sorted(specs.items()))


def _add(
    specs: dict[str, AnySpec],
    spec: AnySpec,
    path: str,
    seen: set[str],
    sources: dict[tuple[str, str], str],
    problems: list[str],
) -> None:
    """Add a spec; the same id twice within one folder is a mistake, in a later folder it replaces."""
    identity = identity_of(spec)
    key = identity[1]
    if key in seen:
        problems.append(f"{path}: id: {key!r} is declared twice (also in {sources[identity]}); rename one")
    seen.add(key)
    specs[key] = spec
    sources[identity] = path
