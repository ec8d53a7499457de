"""Weights of the Hugging Face hub: where its cache has them, what is missing, and how to get it."""

import os
import re
from pathlib import Path

from itl_bench.data.weights.digests import digest
from itl_bench.data.weights.folder import CONFIG, INDEX, TOKENIZER_FILES, ModelFiles, model_files
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.errors import UsageError

HUB_FILES = (CONFIG, INDEX, "model*.safetensors", *TOKENIZER_FILES)
GATED = ("meta-llama/", "google/gemma")  # beginnings of ids whose licence has to be accepted before a download


def _hub_cache() -> Path:
    """Where huggingface_hub keeps snapshots; the package itself need not be installed to look."""
    if named := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or f"{cache}/huggingface").expanduser() / "hub"


def snapshot(spec: WeightsSpec) -> Path:
    return _hub_cache() / f"models--{str(spec.hub).replace('/', '--')}" / "snapshots" / str(spec.revision)


def _command(spec: WeightsSpec) -> str:
    return f"hf download {spec.hub} --revision {spec.revision} --exclude '*.bin' --exclude '*.pth'"


def _accept(spec: WeightsSpec) -> str:
    return f"accept its licence at https://huggingface.co/{spec.hub} first and log in with hf auth login, then"


def why_not_cached(spec: WeightsSpec) -> str | None:
    """What the hub's cache lacks; the hub itself is not asked."""
    if not snapshot(spec).is_dir():
        how = f"{_accept(spec)} get it" if str(spec.hub).startswith(GATED) else "get it"
        return f"{spec.name} is not on this machine; {how}: {_command(spec)}"
    try:
        model_files(snapshot(spec))
    except UsageError as error:
        reason = str(error).replace(str(snapshot(spec)), spec.name)
        return f"{reason}; if the download was interrupted, {_command(spec)} completes it"
    return None


def fetch(spec: WeightsSpec) -> None:
    """Download what is missing of a repository."""
    try:
        from huggingface_hub import constants, errors, snapshot_download
    except ImportError:
        raise UsageError(f"{why_not_cached(spec)} (hf comes with pip install 'itl_bench[train]')") from None
    page = f"https://huggingface.co/{spec.hub}"
    try:
        snapshot_download(
            str(spec.hub), revision=spec.revision, cache_dir=_hub_cache(), allow_patterns=list(HUB_FILES)
        )  # fmt: skip
    except errors.GatedRepoError:
        reason = f"{spec.hub} is gated; {_accept(spec)} {_command(spec)}"
    except errors.RepositoryNotFoundError:
        reason = f"the hub has no {spec.hub}, or it is private; check the id at {page}, or hf auth login"
    except errors.RevisionNotFoundError:
        reason = f"{spec.hub} has no revision {spec.revision}; take a commit hash from {page}/commits/main"
    except (errors.LocalEntryNotFoundError, errors.HfHubHTTPError, OSError) as error:
        reason = f"{why_not_cached(spec)} ({why_not_fetched(error, constants.HF_HUB_OFFLINE)})"
    else:
        reason = why_not_cached(spec) or ""
    if reason:
        raise UsageError(reason)


def why_not_fetched(error: Exception, offline: bool) -> str:
    """Whether the hub was not asked, or answered with an error, or could not be reached: one is not the other."""
    if offline:
        return "the hub was not asked: HF_HUB_OFFLINE is set"
    cause = error if hasattr(error, "response") else error.__cause__ or error
    status = getattr(getattr(cause, "response", None), "status_code", None)
    return f"the hub answered {status}" if status else f"the hub cannot be reached: {type(cause).__name__}"


def check_blobs(spec: WeightsSpec, files: ModelFiles) -> None:
    """In the hub's cache a large file is a link to a blob that is named after its sha256."""
    for path in files.weights:
        named = path.resolve().name
        if re.fullmatch(r"[0-9a-f]{64}", named) and digest(path.resolve()) != named:
            found = digest(path.resolve())
            again = f"hf download {spec.hub} --revision {spec.revision} --force-download"
            raise UsageError(
                f"{spec.name}: {path.name} is damaged (sha256 {found[:8]}..., not {named[:8]}...); {again}"
            )
