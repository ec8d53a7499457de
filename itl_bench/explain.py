"""From pydantic's errors to the project's one-line messages: file, key, value, what is accepted, nearest match."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from itl_bench.errors import unknown


def explain(error: ValidationError, kind: type[BaseModel], where: str) -> list[str]:
    """One line per mistake.

    Args:
        error: What pydantic found.
        kind: The spec that was asked for.
        where: File, and entry where the file holds several.
    """
    fields = _all_fields(kind)
    best: dict[tuple[str, ...], tuple[int, str]] = {}
    for issue in error.errors():
        # A union reports every alternative: the one that looked deepest into the value knows most about it.
        names = tuple(str(part) for part in issue["loc"] if isinstance(part, int) or str(part) in fields)
        key = (
            tuple(name for name in names if not name.isdigit())[:2]
            if issue["type"] != "extra_forbidden"
            else (*names, str(issue["loc"][-1]))
        )
        depth = len(issue["loc"]) + (issue["type"] not in _TYPE_ERRORS)
        if key not in best or depth > best[key][0]:
            best[key] = (depth, f"{where}: {_message(issue, kind, '.'.join(names))}")
    return [message for _, message in best.values()]


_TYPE_ERRORS = {
    "float_type",
    "dict_type",
    "tuple_type",
    "literal_error",
    "model_type",
    "string_type",
    "int_type",
    "none_required",
}


def _message(issue: Mapping[str, Any], kind: type[BaseModel], path: str) -> str:
    given = issue.get("input")
    match issue["type"]:
        case "extra_forbidden":
            parent = _model_at(kind, issue["loc"][:-1])
            return unknown(
                "key", ".".join(str(part) for part in issue["loc"] if part != "function-before"), parent.model_fields
            )
        case "missing":
            return f"the key {str(issue['loc'][-1])!r} is missing{f' in {path}' if '.' in path else ''}; add it"
        case "literal_error":
            accepted = [text.strip(" '") for text in issue["ctx"]["expected"].replace(" or ", ", ").split(",")]
            return f"{path}: {unknown('value', given, accepted)}"
        case "value_error":
            return f"{path}: {issue['ctx']['error']}".removeprefix(": ")
        case "string_pattern_mismatch":
            return f"{path}: {given!r} does not match the pattern {issue['ctx']['pattern']} for such names"
        case _:
            return f"{path}: {_short(given)} was given; {issue['msg'][0].lower()}{issue['msg'][1:]}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _model_at(kind: type[BaseModel], location: tuple[object, ...]) -> type[BaseModel]:
    """The spec that a location inside a value belongs to."""
    for part in location:
        if isinstance(part, str) and part in kind.model_fields:
            kind = next(_models(kind.model_fields[part].annotation), kind)
    return kind


def _all_fields(kind: type[BaseModel]) -> set[str]:
    names = set(kind.model_fields)
    for field in kind.model_fields.values():
        for inner in _models(field.annotation):
            names |= _all_fields(inner)
    return names
