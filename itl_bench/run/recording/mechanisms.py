"""The mechanisms of the catalog, with the cases of a run that they name."""

from collections.abc import Sequence

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import MechanismSpec
from itl_bench.catalog.grid.build import named_cases
from itl_bench.record import HeadlineRecord, MechanismRecord


def mechanism_records(catalog: Catalog, cases: Sequence[str]) -> tuple[MechanismRecord, ...]:
    """One record for each mechanism.

    Args:
        catalog: What is declared.
        cases: Ids of the cases of a run, in their order.
    """
    return tuple(
        MechanismRecord(
            id=one.id, statement=one.statement, breaks_if=one.breaks_if,
            cases=named_cases(one.cases, cases), headline=_headline(one, cases),
        )
        for one in catalog.mechanisms.values()
    )  # fmt: skip


def _headline(mechanism: MechanismSpec, cases: Sequence[str]) -> HeadlineRecord | None:
    asked = mechanism.headline
    if asked is None:
        return None
    return HeadlineRecord(
        says=asked.says, asks=asked.asks, cases=named_cases(asked.cases, cases), columns=asked.columns
    )
