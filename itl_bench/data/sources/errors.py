"""What goes wrong with data, and the extras that reading may need."""

import importlib
from collections.abc import Collection
from typing import Any

from itl_bench.errors import UsageError, unknown


class MissingDatasetError(UsageError):
    """The data are not on this machine and cannot be had from here; the message holds the command that gets them."""


def extra(module: str) -> Any:  # noqa: ANN401  # a module that is only there where its extra is installed
    """Import a module of the optional extra `data`.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise UsageError(f"{package} is not installed; it comes with: pip install 'itl_bench[data]'") from error


def missing_field(where: str, field: str, found: Collection[str]) -> UsageError:
    """A field that no row, or not this row has: which ones there are, and the nearest."""
    return UsageError(f"{where}: {unknown('field', field, map(str, found))} (the fields that the rows have)")
