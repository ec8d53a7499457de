"""The catalog that ships, its grid, and the records of its published cases; made once in a process."""

from functools import cache
from pathlib import Path

import yaml

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.record import CaseRecord
from itl_bench.verdicts.published import published_verdict

CASES = Path(__file__).parents[2] / "cases"


def listed(name: str) -> list[dict]:
    return yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def catalog() -> Catalog:
    return load_catalog()


@cache
def grid() -> dict:
    return {case.id: case for case in build_grid(catalog())}


@cache
def records() -> dict[str, CaseRecord]:
    return {key: published_verdict(case, catalog()) for key, case in grid().items() if case.evidence == "published"}
