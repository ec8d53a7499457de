"""What libraries raise about files that they cannot read, as one line of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from itl_bench.errors import ItlError


def one_line(error: Exception) -> str:
    """What an error of a library says, as one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


@contextmanager
def readable(subject: str) -> Iterator[None]:
    """What libraries raise about files that they cannot read is of many kinds; here it is one.

    Raises:
        ItlError: Anything was raised but the lack of memory, which is no fault of a file.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        said = str(error) if isinstance(error, ItlError) else one_line(error)  # ours are one line, and whole
        raise ItlError(f"{subject} cannot be loaded: {said}") from error
