"""From `cases/` (and a user's own folder) to validated specs; everything that is wrong is reported at once."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from itl_bench.errors import UsageError, unknown
from itl_bench.explain import explain
from itl_bench.published import Tables, load_tables
from itl_bench.references import check_references
from itl_bench.specs import (
    ClaimSpec,
    DatasetSpec,
    JudgeSpec,
    MeasureSpec,
    MechanismSpec,
    MethodSpec,
    ModelSpec,
    ProbeSpec,
    ProfileSpec,
    Spec,
)

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
}


@dataclass(frozen=True)
class Catalog:
    """Everything that is declared, by id; datasets by name (a name has one id per size)."""

    models: Mapping[str, ModelSpec]
    datasets: Mapping[str, DatasetSpec]
    methods: Mapping[str, MethodSpec]
    probes: Mapping[str, ProbeSpec]
    measures: Mapping[str, MeasureSpec]
    judges: Mapping[str, JudgeSpec]
    profiles: Mapping[str, ProfileSpec]
    mechanisms: Mapping[str, MechanismSpec]
    claims: Mapping[str, ClaimSpec]
    tables: Tables
    sources: Mapping[str, str]  # claim or mechanism id -> file, for messages
    sha256: str

    @property
    def dataset_rows(self) -> dict[str, int]:
        """Dataset id -> rows."""
        return {key: rows for spec in self.datasets.values() for key, rows in spec.variants.items()}

    def dataset_of(self, dataset_id: str) -> DatasetSpec:
        """The dataset spec that declares a dataset id."""
        return next(spec for spec in self.datasets.values() if dataset_id in spec.variants)


def shipped(name: str) -> Path:
    """The folder `cases` or `benchmark` of this installation: of the checkout, or packed into the wheel."""
    package = Path(__file__).parent
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
        if not one.is_dir():
            raise UsageError(
                f"no catalog folder at {one}; give a folder with models.yaml, claims/, ... (see CONTRIBUTING.md)"
            )
    if own and not (known := _files(own)):
        raise UsageError(
            f"{own} holds no catalog file; accepted are {', '.join(FILES)} (.yaml), claims/*.yaml, published/*.csv"
        )
    if own:
        _reject_strangers(own, known)
    problems: list[str] = []
    sources: dict[str, str] = {}
    specs = {name: _load_list(folders, name, kind, sources, problems) for name, kind in FILES.items()}
    claims = _load_claims(folders, sources, problems)
    tables = load_tables(lambda name: _last(folders, f"published/{name}"), problems)
    _stop(problems)
    catalog = Catalog(**specs, claims=claims, tables=tables, sources=sources, sha256=_sha256(folders))  # type: ignore[arg-type]
    check_references(catalog, problems)
    _stop(problems)
    return catalog


def _stop(problems: list[str]) -> None:
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))


def _files(folder: Path) -> list[Path]:
    patterns = ("*.yaml", "claims/*.yaml", "published/*.csv")
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _reject_strangers(own: Path, files: Iterable[Path]) -> None:
    """A misspelt file name would otherwise be ignored without a word."""
    strangers = [path for path in files if path.parent == own and path.stem not in FILES]
    _stop([f"{path}: {unknown('catalog file', path.name, (f'{name}.yaml' for name in FILES))}" for path in strangers])


def _last(folders: list[Path], name: str) -> Path:
    return next((folder / name for folder in reversed(folders) if (folder / name).exists()), folders[0] / name)


def _sha256(folders: list[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in _files(folder):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _load_list(
    folders: list[Path], name: str, kind: type[AnySpec], sources: dict[str, str], problems: list[str]
) -> dict[str, AnySpec]:
    specs: dict[str, AnySpec] = {}
    for index, folder in enumerate(folders):
        path = folder / f"{name}.yaml"
        if index and not path.exists():
            continue
        entries = read_yaml(path, problems)
        if not isinstance(entries, list):
            if entries is not None:
                problems.append(f"{path}: expected a list of entries (each starting with '- '), found {_kind(entries)}")
            continue
        seen: set[str] = set()
        for position, entry in enumerate(entries, start=1):
            spec = _validate(kind, entry, f"{path}: entry {position}", problems)
            if spec is not None:
                _add(specs, spec, str(path), seen, sources, problems)
    return specs


def _load_claims(folders: list[Path], sources: dict[str, str], problems: list[str]) -> dict[str, ClaimSpec]:
    specs: dict[str, ClaimSpec] = {}
    for folder in folders:
        seen: set[str] = set()
        for path in sorted((folder / "claims").glob("*.yaml")):
            spec = _validate(ClaimSpec, read_yaml(path, problems), str(path), problems)
            if spec is not None:
                _add(specs, spec, str(path), seen, sources, problems)
    return dict(sorted(specs.items()))


def _add(
    specs: dict[str, AnySpec], spec: AnySpec, path: str, seen: set[str], sources: dict[str, str], problems: list[str]
) -> None:
    """Add a spec; the same id twice within one folder is a mistake, in a later folder it replaces."""
    key = str(getattr(spec, "id", None) or getattr(spec, "name", ""))
    if key in seen:
        problems.append(f"{path}: id: {key!r} is declared twice (also in {sources[key]}); rename one")
    seen.add(key)
    specs[key] = spec
    sources[key] = path


def _validate(kind: type[AnySpec], entry: object, where: str, problems: list[str]) -> AnySpec | None:
    if entry is None:
        return None  # an unreadable or empty file has already been reported
    if not isinstance(entry, dict):
        problems.append(f"{where}: expected keys and values, found {_kind(entry)}")
        return None
    label = entry.get("id") or entry.get("name")
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        problems.extend(explain(error, kind, f"{where} ({label})" if label and "entry" in where else where))
        return None


def _kind(value: object) -> str:
    names: dict[type, str] = {str: "text", list: "a list", dict: "a mapping"}
    return names.get(type(value), repr(value))


class _UniqueKeyLoader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """YAML keeps the last of two equal keys without a word; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path, problems: list[str]) -> object:
    """Read one YAML file; None after a problem was noted."""
    try:
        text = path.read_text(encoding="utf-8")
        data: object = yaml.load(text, Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        problems.append(f"{path}: the file is missing; restore it from the repository")
        return None
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: not readable as UTF-8 text: {error}")
        return None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problems.append(f"{path}{line}: not valid YAML: {error.problem}")
        return None
    except yaml.YAMLError as error:
        problems.append(f"{path}: not valid YAML: {' '.join(str(error).split())}")
        return None
    if data is None:
        problems.append(f"{path}: the file is empty")
    return data
