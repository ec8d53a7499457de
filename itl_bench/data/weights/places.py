"""From a weights entry to files: whether they are here, and what identifies them."""

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from itl_bench.data.bios.shipped import manifest_file
from itl_bench.data.weights.digests import digest
from itl_bench.data.weights.folder import model_files
from itl_bench.data.weights.hub import why_not_cached
from itl_bench.data.weights.spec import MODELS_DIR, WeightsSpec, models_dir
from itl_bench.errors import UsageError


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
            parts_of(spec)
        elif spec.gguf:
            check_magic(located(spec))
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


def check_magic(file: Path) -> None:
    if not file.is_file():
        raise UsageError(f"{file} is no file; give the GGUF file itself")
    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise UsageError(f"{file} is no GGUF file (it does not begin with GGUF)")


def parts_of(spec: WeightsSpec) -> list[Path]:
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
