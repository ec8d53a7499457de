"""Pieces of Markdown: foreign text made harmless, identifiers, tables."""

import re
from collections.abc import Iterable, Sequence

from itl_bench.report.wording import printable


def escape(text: str) -> str:
    """Foreign text as plain text on one line of Markdown, also inside a table."""
    flat = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*\[\]{}|#~$!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", flat)
    return re.sub(r"^([-+]|[0-9]+(?=[.)]))", r"&#8203;\1", flat)


def code(text: str) -> str:
    """An identifier as code where that is safe, as escaped text where it is not."""
    return f"`{text}`" if re.fullmatch(r"[\w.+:@=,/ -]+", text, re.ASCII) and text.strip() == text else escape(text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A Markdown table; cells must be escaped, columns numbered in `right` are aligned to the right."""
    aligned = set(right)
    rule = ["--:" if index in aligned else "---" for index in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))
