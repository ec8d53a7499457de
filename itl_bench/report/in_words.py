"""What an artifact is, in words, from its own description and those of its parents."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from itl_bench.record import Record
from itl_bench.report.wording import printable


class Described(Protocol):
    """What a manifest in a store and an artifact of a record both say."""

    @property
    def key(self) -> str:
        """What identifies the artifact."""

    @property
    def kind(self) -> str:
        """For example "checkpoint"."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """What it was asked to be."""

    @property
    def parents(self) -> tuple[str, ...]:
        """Keys of what it was built from."""


Find = Callable[[str], Described | None]


def in_words(one: Described, find: Find) -> str:
    """For example "table knowledge of lora, bios-new30-short, learning rate 0.003, base 1, seed 1011, on bios-known".

    What nobody knows, such as a parent that was removed, is left out.

    Args:
        one: The artifact.
        find: Key -> what is known of that artifact.
    """
    write = WRITERS.get(one.kind)
    return printable(write(one, find) if write else one.kind)


def words_by_key(record: Record) -> dict[str, str]:
    """Key -> words of every artifact that a case of the record was computed from, as far as the record has it."""
    known = {one.key: one for one in record.artifacts}
    read = dict.fromkeys(key for case in record.cases for key in case.artifacts)
    return {key: in_words(known[key], known.get) for key in read if key in known}


def _base(one: Described, find: Find) -> str:
    return _joined(f"base {one.spec.get('number', '')}".strip(), _value(one, "model", "of "))


def _corpus(one: Described, find: Find) -> str:
    return _listed(_joined("corpus", _value(one, "dataset", "of ")), [_value(one, "seed", "seed ")])


def _probe(one: Described, find: Find) -> str:
    return _joined("probe", _value(one, "probe"))


def _checkpoint(one: Described, find: Find) -> str:
    return _joined("checkpoint", _of(_cell(one, find)))


def _responses(one: Described, find: Find) -> str:
    return _listed(_joined("answers", _of(_answering(one, find))), [_asked(one, find)])


def _measure(one: Described, find: Find) -> str:
    """A table is of the model whose answers it measures, or of the checkpoint that it tells the training of."""
    tuned = _parents(one, find, "checkpoint")
    answers = _parents(one, find, "responses")
    model = _cell(tuned[0], find) if tuned else _answering(answers[0], find) if answers else ""
    other = [f"against {_value(second, 'seed', 'seed ')}" for second in tuned[1:2]]
    if not tuned and not any(_parents(one_answer, find, "checkpoint") for one_answer in answers[:1]):
        other += [f"beside {_corpus(items, find)}" for items in _parents(one, find, "corpus")]  # no cell names it
    return _listed(_joined("table", _value(one, "measure"), _of(model)), [*other, _asked(one, find)])


WRITERS: Mapping[str, Callable[[Described, Find], str]] = {
    "base": _base, "corpus": _corpus, "checkpoint": _checkpoint, "probe": _probe, "responses": _responses,
    "measure": _measure,
}  # fmt: skip


def _cell(checkpoint: Described, find: Find) -> str:
    """A tuned model: how it was tuned, on what, and in which replicate."""
    method = checkpoint.spec.get("method")
    name = method.get("id", "") if isinstance(method, Mapping) else method or ""
    rest = [_value(checkpoint, "dataset"), _value(checkpoint, "rate", "learning rate "), _number(checkpoint, find)]
    return _listed(str(name), [*rest, _value(checkpoint, "seed", "seed ")])


def _answering(responses: Described, find: Find) -> str:
    tuned = _parents(responses, find, "checkpoint")
    return _cell(tuned[0], find) if tuned else _number(responses, find)


def _number(one: Described, find: Find) -> str:
    """Which base an artifact was built from."""
    return next((_value(base, "number", "base ") for base in _parents(one, find, "base")), "")


def _asked(one: Described, find: Find) -> str:
    return next((_value(probe, "probe", "on ") for probe in _parents(one, find, "probe")), "")


def _parents(one: Described, find: Find, kind: str) -> list[Described]:
    return [parent for key in one.parents if (parent := find(key)) and parent.kind == kind]


def _value(one: Described, name: str, before: str = "") -> str:
    value = one.spec.get(name)
    return "" if value is None else f"{before}{value}"


def _of(text: str) -> str:
    return f"of {text}" if text else ""


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _listed(first: str, rest: Iterable[str]) -> str:
    return ", ".join(filter(None, [first, *rest]))
