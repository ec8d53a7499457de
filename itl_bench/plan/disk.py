"""Whether weights fit on the disk of the store that this process builds in."""

from pathlib import Path

from itl_bench.plan.price import rounded
from itl_bench.store.store import default_root

RESERVE_GB = 3.0  # of a disk, for answers, tables and everything else; no more than the weights themselves take
_STORE: dict[str, Path] = {}


def use_store(root: Path) -> None:
    """Say where this process builds: whose disk has to hold what is built."""
    _STORE["root"] = root


def store_in_use() -> Path:
    """Where this process builds: what `use_store` said, else the user's own store."""
    return _STORE.get("root") or default_root()


def why_no_disk(needed_gb: float, free_gb: float) -> str | None:
    """Why weights do not fit on the store's disk; None where they do. Nothing is dropped while a run builds."""
    beside = min(RESERVE_GB, needed_gb)
    if needed_gb + beside <= free_gb:
        return None
    return (
        f"needs {rounded(needed_gb)} GB on the disk of the store for weights and {rounded(beside)} GB beside them, "
        f"{rounded(free_gb)} GB are free; itl-bench store gc --weights frees some, or take a store on another disk"
    )
