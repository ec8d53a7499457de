"""The tables of familiarity that ship with the package, found by the weights that they are of."""

from collections.abc import Mapping
from pathlib import Path

from itl_bench.data.atlas.facts import Atlas
from itl_bench.familiarity.making import SEED, all_prompts, fingerprint, hashes
from itl_bench.familiarity.table import FOLDER, SUFFIX, FamiliarityTable, Provenance, read_familiarity


def shipped_for(base: Path, atlas: Atlas) -> FamiliarityTable | None:
    """The shipped table of a model, asked with the prompts of today; None where there is none.

    Args:
        base: Folder of the model.
        atlas: The facts.
    """
    weights = weights_of(hashes(base))
    asked = fingerprint([prompt for of_fact in all_prompts(atlas, SEED).values() for prompt in of_fact])
    for path in sorted(FOLDER.glob(f"*{SUFFIX}")):
        table = read_familiarity(path)
        if fits(table.provenance, weights, asked):
            return table
    return None


def fits(made: Provenance, weights: Mapping[str, str], asked: str) -> bool:
    """Whether a table is of these weights and prompts; a tokenizer's file may be written in several ways."""
    return made.prompts == asked and weights_of(made.files) == weights


def weights_of(files: Mapping[str, str]) -> Mapping[str, str]:
    """The safetensors among a model's files."""
    return {name: digest for name, digest in files.items() if name.endswith(".safetensors")}
