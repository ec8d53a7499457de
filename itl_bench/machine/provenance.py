"""Where a run happened: git, packages, hardware. Never an environment variable, never a secret."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from itl_bench.machine.this_machine import cores

PACKAGES = (
    "itl_bench",
    "numpy",
    "pydantic",
    "pytest",
    "pytest-xdist",
    "scipy",
    "torch",
    "transformers",
    "peft",
    "vllm",
)


def git_commit(folder: Path) -> str | None:
    """The checkout's commit, with "-dirty" where tracked files have changes; None outside a checkout of our own."""
    if not (folder / ".git").exists():
        return None  # an installed package inside somebody else's repository is not at that repository's commit
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changes else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def package_versions() -> dict[str, str]:
    """Versions of the packages a result may depend on, as far as they are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def hardware() -> dict[str, str | int | float]:
    """Processor and memory; memory in GB (10^9 bytes)."""
    facts: dict[str, str | int | float] = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory_gb"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    return facts
