"""What a pytest process knows of the run: made once, when the session starts."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile
from itl_bench.catalog.judges import Judging
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.serving import Serving
from itl_bench.errors import UsageError, unknown
from itl_bench.measures.judge import LEDGER
from itl_bench.run.options import max_cost, store_root
from itl_bench.run.serving import decided
from itl_bench.store.store import Store

if TYPE_CHECKING:
    from itl_bench.catalog.grid.cases import Case
    from itl_bench.run.building import Built
    from itl_bench.run.evidence import CaseWithVerdict
    from itl_bench.run.recording.expectations import Expectations


class State:
    """What a pytest process knows: the catalog, the declared cases, the expectations, and what was built."""

    def __init__(self, config: pytest.Config) -> None:
        """Read and check everything the options name.

        Raises:
            UsageError: An option or a file it names is wrong.
        """
        own = config.getoption("itl_cases")
        self.catalog: Catalog = load_catalog(Path(own) if own else None)
        profile_name = config.getoption("itl_profile")
        self.profile = find_profile(self.catalog, profile_name) if profile_name else None
        self.catalog = replace(self.catalog, serving=self._serving(config), judging=self._judging(config))
        arm = config.getoption("itl_arm")
        grid = build_grid(self.catalog)
        self.every_id = frozenset(case.id for case in grid)
        self.cases: tuple[Case, ...] = tuple(
            case
            for case in grid
            if in_profile(case, self.profile, self.catalog) and (arm == "all" or case.arm in (None, arm))
        )
        self.expectations = _expectations(config)
        self.store_root = store_root(config)
        self.unplanned = False  # whether a plan leaves out cases that cannot be planned
        self.run_id = ""  # the same in all processes of the run; set by `begin`
        self.built: Built | None = None  # set before the first item runs
        self.verdict: CaseWithVerdict | None = None  # of the item that is running

    def begin(self, run_id: str) -> None:
        """Take the run's id, on whose account its judge is asked."""
        self.run_id = run_id
        self.catalog = replace(self.catalog, judging=self.catalog.judging.model_copy(update={"run": run_id}))

    def _judging(self, config: pytest.Config) -> Judging:
        """Who scores answers, and for how much money.

        Raises:
            UsageError: There is no such judge.
        """
        judge = config.getoption("itl_judge")
        if judge is not None and judge not in self.catalog.judges:
            raise UsageError(f"--itl-judge: {unknown('judge', judge, self.catalog.judges)}")
        return Judging(judge=judge, most=max_cost(config), ledger=store_root(config) / LEDGER)

    def _serving(self, config: pytest.Config) -> Serving:
        """What the controller has decided, or this process where it is the controller."""
        told = getattr(config, "workerinput", {}).get(SERVING)
        if told:
            return Serving.model_validate_json(told)
        asked, for_gpu = config.getoption("itl_backend"), config.getoption("for_gpu")
        return decided(asked, self.profile, self.catalog, for_gpu)

    @cached_property
    def store(self) -> Store:
        """The run's artifacts; made on first use, so that a run of published cases leaves no store behind."""
        return Store(self.store_root)


STATE = pytest.StashKey[State]()
CONTROLLER = "itl_bench_controller"  # name of the plugin that a run has once
RUN_ID, SERVING = "itl_bench_run_id", "itl_bench_serving"  # keys of what the controller tells its workers


def _expectations(config: pytest.Config) -> Expectations | None:
    path = config.getoption("itl_expect")
    if not path:
        return None
    from itl_bench.run.recording.expectations import load

    return load(Path(path))
