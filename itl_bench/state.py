"""What a pytest process knows of the run: made once, when the session starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from itl_bench.catalog import Catalog, load_catalog
from itl_bench.grid import build_grid, find_profile, in_profile

if TYPE_CHECKING:
    from itl_bench.cases import Case
    from itl_bench.evidence import JudgedCase
    from itl_bench.expectations import Expectations


class State:
    """What a pytest process knows: the catalog, the declared cases, and the expectations."""

    def __init__(self, config: pytest.Config) -> None:
        """Read and check everything the options name.

        Raises:
            UsageError: An option or a file it names is wrong.
        """
        own = config.getoption("itl_cases")
        self.catalog: Catalog = load_catalog(Path(own) if own else None)
        profile_name = config.getoption("itl_profile")
        self.profile = find_profile(self.catalog, profile_name) if profile_name else None
        arm = config.getoption("itl_arm")
        grid = build_grid(self.catalog)
        self.every_id = frozenset(case.id for case in grid)
        self.cases: tuple[Case, ...] = tuple(
            case for case in grid if in_profile(case, self.profile) and (arm == "both" or case.arm in (None, arm))
        )
        self.expectations = _expectations(config)
        self.verdict: JudgedCase | None = None  # of the item that is running


STATE = pytest.StashKey[State]()


def _expectations(config: pytest.Config) -> Expectations | None:
    path = config.getoption("itl_expect")
    if not path:
        return None
    from itl_bench.expectations import load

    return load(Path(path))
