"""Tables of familiarity that a model's entry names: those that ship with the package, or a user's own."""

from pathlib import Path

from itl_bench.data.atlas.facts import Atlas
from itl_bench.data.atlas.familiarity_table import FamiliarityTable, read_familiarity
from itl_bench.errors import UsageError
from itl_bench.stages.familiarity.making import all_prompts, fingerprint


def declared_table(path: Path, atlas: Atlas) -> FamiliarityTable:
    """A table that a model's entry names, if it was asked with the facts and prompts of today.

    Args:
        path: The table.
        atlas: The facts.

    Raises:
        UsageError: It is no table, or one of other facts or prompts.
    """
    table = read_familiarity(path)
    prompts = all_prompts(atlas, table.provenance.seed)
    if table.provenance.prompts != fingerprint([one for of_fact in prompts.values() for one in of_fact]):
        raise UsageError(
            f"{path} is of other facts or prompts than version {atlas.version} of atlas asks (it is of version "
            f"{table.provenance.atlas}); make it again with: itl-bench atlas familiarity MODEL_FOLDER --to {path}"
        )
    return table
