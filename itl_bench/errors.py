"""The few exceptions of the package, and the sentence that every user mistake is answered with."""

from collections.abc import Iterable
from difflib import get_close_matches


class ItlError(Exception):
    """Base of all exceptions raised on purpose by this package."""


class UsageError(ItlError):
    """The user must change something; the message says what was given, what is accepted and what to do next."""


class UnsuitableBaseError(UsageError):
    """A base knows too little or too much to be tuned on, or asked, what is wanted: no mistake, another base may do."""


class DivergedError(ItlError):
    """A training ended with weights that are no numbers: no other cell is touched, and a lower rate may do."""


class UnservedError(ItlError):
    """vLLM cannot answer for a model as transformers does: no mistake, transformers answers in its place."""


class JudgeError(ItlError):
    """A judge cannot be asked any further (no key, no credit, a model that is not there): what it said so far stays."""


class BudgetError(JudgeError):
    """What may be spent on a judge is spent, or the next request could exceed it: nothing was sent."""


class EvidenceError(ItlError):
    """The numbers of a case cannot carry a verdict (empty, NaN, infinite): an error, never a verdict."""


class UnfitRowError(ItlError):
    """A row cannot be turned into tokens as it is meant: it is left out and counted, the others are used."""


def nearest(given: object, accepted: Iterable[str]) -> str | None:
    """The accepted name that `given` most likely means, whatever its case; None if none is close."""
    names = {name.lower(): name for name in sorted(accepted, reverse=True)}
    close = get_close_matches(str(given).lower(), names, n=1, cutoff=0.5)
    return names[close[0]] if close else None


def unknown(kind: str, given: object, accepted: Iterable[str], limit: int = 12) -> str:
    """Say that `given` is no known `kind`, with the nearest match and what is accepted.

    Args:
        kind: What the value should name, for example "dataset".
        given: The value as the user wrote it.
        accepted: All accepted values.
        limit: How many accepted values to print before cutting the list.
    """
    names = sorted(set(accepted))
    close = nearest(given, names)
    hint = f"; did you mean {close!r}?" if close else "."
    shown = ", ".join(name or "(nothing)" for name in names[:limit])
    cut = f", ... ({len(names)} in all)" if len(names) > limit else ""
    return f"unknown {kind} {short(given)}{hint} Accepted: {shown}{cut}."


def short(value: object) -> str:
    """The value as Python writes it, cut to one readable line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
