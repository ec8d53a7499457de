"""The options of the benchmark; all of them begin with --itl."""

import math
from contextlib import suppress
from pathlib import Path

import pytest

from itl_bench.catalog.serving import BACKENDS
from itl_bench.errors import unknown
from itl_bench.store.store import MARK, default_root
from itl_bench.vocabulary import ARMS

INCONCLUSIVE = ("xfail", "skip", "fail")
ARM_CHOICES = ("all", *ARMS)


def add_options(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("itl_bench", "claims about instruction tuning")
    add = group.addoption
    add(
        "--itl-profile",
        metavar="NAME",
        help="selection of the grid: published, smoke, embedded, bios-full, bios-pilot, small-quick, small, "
        "small-slices, paper",
    )
    add(
        "--itl-arm",
        default="all",
        metavar="|".join(ARM_CHOICES),
        help="what both sides of measured cases share: a learning rate, each its own best one, a training loss, or a "
        "share of new facts learned (default all)",
    )
    add("--itl-plan", action="store_true", help="print what the selection needs and costs, run nothing")
    add("--for-gpu", action="store_true", help="with --itl-plan: as on a machine with a GPU and vLLM")
    add(
        "--itl-backend",
        metavar="|".join(BACKENDS),
        help="what answers: transformers, vLLM, or vLLM where it is installed and has a GPU (default: as recipe and "
        "profile say, else hf)",
    )
    add(
        "--itl-expect",
        metavar="FILE",
        help="recorded verdicts: fail on what changed, not on what is refuted as recorded",
    )
    add(
        "--itl-report",
        metavar="DIR",
        help="where records and reports go (default reports/ beside the configuration file)",
    )
    add("--itl-judge", metavar="ID", help="who scores answers (default: the first of judges.yaml, the paper's)")
    add(
        "--itl-max-cost",
        metavar="USD",
        help="what the run may spend on its judge (default 0: judged cases are skipped with their price)",
    )
    add("--itl-store", metavar="DIR", help="where artifacts are kept (default: ITL_STORE, else the user's cache)")
    add("--itl-cases", metavar="DIR", help="own YAML that adds to the catalog or replaces entries of the same id")
    add(
        "--itl-inconclusive",
        default="xfail",
        metavar="|".join(INCONCLUSIVE),
        help="outcome of INCONCLUSIVE (default xfail)",
    )


def check_options(config: pytest.Config) -> None:
    """Reject values that no option takes.

    Raises:
        pytest.UsageError: One line: what was given, what is accepted.
    """
    choices = ("itl_arm", ARM_CHOICES), ("itl_inconclusive", INCONCLUSIVE), ("itl_backend", BACKENDS)
    for option, accepted in choices:
        if (given := config.getoption(option)) not in (None, *accepted):
            raise pytest.UsageError(f"--{option.replace('_', '-')}: {unknown('value', given, accepted)}")
    max_cost(config)
    if config.getoption("for_gpu") and not config.getoption("itl_plan"):
        raise pytest.UsageError("--for-gpu: it is for a plan; give --itl-plan, too")
    report = config.getoption("itl_report")
    if report and Path(report).exists() and not Path(report).is_dir():
        raise pytest.UsageError(f"--itl-report: {report} is a file; give a folder")
    if wrong := _no_store(store_root(config)):
        raise pytest.UsageError(f"--itl-store: {wrong}" if config.getoption("itl_store") else f"ITL_STORE: {wrong}")


def max_cost(config: pytest.Config) -> float:
    """US dollars that the run may spend.

    Raises:
        pytest.UsageError: It is no such number.
    """
    given = config.getoption("itl_max_cost") or "0"
    with suppress(ValueError):
        if 0 <= (most := float(given)) < math.inf:
            return most
    raise pytest.UsageError(f"--itl-max-cost: {given!r} was given; accepted is a number of US dollars from 0 on")


def store_root(config: pytest.Config) -> Path:
    """Where the run's artifacts are."""
    return Path(config.getoption("itl_store") or default_root()).absolute()


def _no_store(root: Path) -> str | None:
    """Why a folder can be no store; looks only, because not every run needs one."""
    there = next(path for path in (root, *root.parents) if path.exists())
    if not there.is_dir():
        return f"{there} is a file; give a folder"
    if there == root and not (root / MARK).exists() and any(root.iterdir()):
        return f"{root} is not empty and no store; give a new folder, or one that itl-bench made"
    return None
