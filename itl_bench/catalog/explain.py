"""From data to a validated spec, or to one line per mistake: file, key, value, what is accepted, nearest match."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from itl_bench.errors import nearest, short, unknown
from itl_bench.specs import MAPPING, WRONG_KIND, WRONG_VALUE

AnyModel = TypeVar("AnyModel", bound=BaseModel)
Location = tuple[int | str, ...]

PATTERNS = {
    r"^[a-z0-9][a-z0-9.\-]*$": "a name of small letters, digits, '.' and '-' (as alpaca-52k)",
    r"^[A-Z]\d\d[a-z]?$": "a capital letter, two digits and perhaps a small letter (as C07 or X02b)",
    r"^M\d$": "M and one digit (as M1)",
}


def read_text(path: Path, problems: list[str]) -> str | None:
    """The text of a file that must be UTF-8 (a byte order mark is dropped); None after a problem was noted."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        problems.append(f"{path}: the file is missing; restore it from the repository")
    except OSError as error:
        problems.append(f"{path}: the file cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        problems.append(f"{path}:{line}: not UTF-8 text (byte 0x{byte:02x}); save the file as UTF-8")
    return None


def validate(kind: type[AnyModel], data: object, where: str, problems: list[str]) -> AnyModel | None:
    """Make a spec from data read from YAML; None after problems were noted, one line for each mistake.

    Args:
        kind: The spec that is asked for.
        data: What the file holds.
        where: File, and entry where the file holds several.
        problems: Collects the lines.
    """
    if not isinstance(data, dict):
        problems.append(f"{where}: expected {MAPPING}, found {kind_of(data)}")
        return None
    # A key without a value would read as "not given", and silently widen what a claim asks.
    messages = {
        path: f"{_dotted(path)}: no value is given; give one, or remove the key" for path in _nulls(data, (), ())
    }
    spec = None
    try:
        spec = kind.model_validate(data)
    except ValidationError as error:
        messages = explain(error, kind, data) | messages
    problems.extend(f"{where}: {message}" for message in messages.values())
    return None if messages else spec


def kind_of(value: object) -> str:
    """What YAML read, in words."""
    names: dict[type, str] = {str: "text", list: "a list", dict: "a mapping", type(None): "nothing"}
    return names.get(type(value), short(value))


def _nulls(value: object, path: Location, above: tuple[int, ...]) -> Iterator[Location]:
    if value is None:
        yield path
    if isinstance(value, dict | list) and id(value) not in above:  # an alias may make YAML contain itself
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _nulls(part, (*path, key), (*above, id(value)))


@dataclass(frozen=True)
class _Issue:
    """One of pydantic's errors, placed in the user's own data."""

    found: Mapping[str, Any]
    path: Location
    site: Location | None = None  # where a value of several accepted kinds stands
    branch: str = ""  # the kind that this issue is about

    @property
    def kind(self) -> str:
        return str(self.found["type"])

    @property
    def wrong_kind(self) -> bool:
        """The value is of another kind than this branch is about, so that the branch says nothing about it."""
        literal = self.kind == "literal_error" and not isinstance(self.found["input"], str)
        return self.path == self.site and (literal or self.kind in WRONG_KIND)


def explain(error: ValidationError, kind: type[BaseModel], data: object) -> dict[Location, str]:
    """Where each mistake is, and a line about it that names key, value, what is accepted and the nearest match."""
    issues = [_place(found, data) for found in error.errors() if not _follows(found)]
    messages: dict[Location, str] = {}
    guessed = set()
    for issue in _without_other_kinds(issues):
        if issue.kind == "extra_forbidden":
            fields = _model_at(kind, issue.path[:-1]).model_fields
            guessed.add((*issue.path[:-1], nearest(issue.path[-1], fields)))
            message = _at(issue.path[:-1], unknown("key", issue.path[-1], fields))
        else:
            message = _message(issue, [one for one in issues if one.wrong_kind and one.site == issue.site])
        messages.setdefault(issue.path, message)
    # A misspelt key that is required would otherwise be reported twice: as unknown, and as missing.
    return {path: message for path, message in messages.items() if path not in guessed}


def _follows(found: Mapping[str, Any]) -> bool:
    """Pydantic counts a list without its wrong entries, and then calls it too short as well."""
    return bool(found["type"] == "too_short" and len(found["input"]) >= found["ctx"]["min_length"])


def _place(found: Mapping[str, Any], data: object) -> _Issue:
    """Follow pydantic's location through the data; the parts that are not in it name the branch of a union."""
    path: list[int | str] = []
    site, branch, here = None, "", data
    for part in found["loc"]:
        keyed = isinstance(here, Mapping) and part in here
        if keyed or (isinstance(here, Sequence) and isinstance(part, int) and part < len(here)):
            path.append(part)
            here = here[part]  # type: ignore[index]
        elif found["type"] == "missing" and part == found["loc"][-1]:
            path.append(part)
        elif isinstance(part, str) and part != "[key]" and site is None:
            site, branch = tuple(path), part
    return _Issue(found, tuple(path), site, branch)


def _without_other_kinds(issues: list[_Issue]) -> Iterator[_Issue]:
    """Of a value that may be of several kinds, only what concerns the kind that was given."""
    branches: dict[Location | None, dict[str, list[_Issue]]] = defaultdict(lambda: defaultdict(list))
    for issue in issues:
        branches[issue.site][issue.branch].append(issue)
    for site, by_branch in branches.items():
        fitting = [issue for some in by_branch.values() for issue in some if not issue.wrong_kind]
        yield from fitting if site is None or fitting else next(iter(by_branch.values()))


def _message(issue: _Issue, other_kinds: list[_Issue]) -> str:
    found, given = issue.found, issue.found["input"]
    others = [WRONG_KIND[one.kind] for one in other_kinds if one.kind in WRONG_KIND]
    match issue.kind:
        case "missing":
            name = issue.path[-1]
            missing = f"the key {name!r}" if isinstance(name, str) else f"entry {name + 1}"
            return _at(issue.path[:-1], f"{missing} is missing; add it")
        case "literal_error":
            accepted = [text.strip(" '") for text in found["ctx"]["expected"].replace(" or ", ", ").split(",")]
            if not isinstance(given, str):
                words = " or ".join([", ".join(accepted), *others])
                return _at(issue.path, f"{short(given)} was given; accepted is {words}")
            message = unknown("value" if found["loc"][-1] != "[key]" else "key", given, accepted)
            return _at(issue.path, message.removesuffix(".") + "".join(f", or {other}" for other in others) + ".")
        case "value_error":
            return _at(issue.path, str(found["ctx"]["error"]))
        case "tuple_type" | "list_type" if isinstance(given, str):
            example = given if given.isprintable() else "..."
            return _at(issue.path, f"{short(given)} was given; accepted is a list: write [{example}]")
    return _at(issue.path, f"{short(given)} was given; accepted is {_accepted(issue, others)}")


def _accepted(issue: _Issue, others: list[str]) -> str:
    context = issue.found.get("ctx", {})
    if issue.kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    if issue.kind in WRONG_VALUE:
        words = [WRONG_VALUE[issue.kind].format(**context)]
    else:
        words = [WRONG_KIND[issue.kind]] if issue.kind in WRONG_KIND else [f"something else: {issue.found['msg']}"]
    return " or ".join(dict.fromkeys(words + (others if "parsing" in issue.kind or issue.wrong_kind else [])))


def _at(path: Location, message: str) -> str:
    return f"{_dotted(path)}: {message}" if path else message


def _dotted(path: Location) -> str:
    return ".".join(map(str, path))


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _model_at(kind: type[BaseModel], path: Location) -> type[BaseModel]:
    """The spec that a place in the data belongs to."""
    for part in path:
        if isinstance(part, str) and part in kind.model_fields:
            kind = next(_models(kind.model_fields[part].annotation), kind)
    return kind
