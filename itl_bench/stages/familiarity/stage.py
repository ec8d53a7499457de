"""What a base knows of atlas: a table that its entry names, or one made by asking it for every fact."""

import hashlib
import random
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from itl_bench.data.atlas.answers import stated
from itl_bench.data.atlas.facts import Atlas, load_atlas
from itl_bench.data.atlas.familiarity_table import (
    FactRow,
    FamiliarityTable,
    Provenance,
    TableFrom,
    read_familiarity,
    write_familiarity,
)
from itl_bench.data.atlas.few_shots import FewShot, few_shots
from itl_bench.data.weights.digests import digest
from itl_bench.errors import ItlError, UsageError
from itl_bench.machine.this_machine import package_versions
from itl_bench.stages.familiarity.scoring import (
    TEMPERATURE,
    Agreement,
    Matches,
    Progress,
    Score,
    agreement,
    sampled_share,
    score,
)
from itl_bench.stages.loading import load_model, load_tokenizer
from itl_bench.store.artifact import FAMILIARITY, Artifact
from itl_bench.store.keys import Task

SEED = 2405  # of the examples in the prompts
DIGITS = 6  # of a probability in the table, significant ones


def build_familiarity(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """What a base knows of atlas: the table that the model's entry names, or what the base itself answers."""
    atlas = load_atlas()
    if isinstance(task.place, TableFrom):
        table = declared_table(task.place.path, atlas)
        _warn_of_other_weights(table.provenance.files, parents["base"].folder, task.place.path)
        if digest(task.place.path) != task.spec["table"]:
            raise ItlError(f"{task.place.path} has changed since this run was planned; run again")
    else:
        table = make_table(parents["base"].folder, atlas)
    write_familiarity(folder / FAMILIARITY, table)


def _warn_of_other_weights(files: Mapping[str, str], base: Path, table: Path) -> None:
    """Weights that were converted elsewhere may be other bytes and the same numbers, so this is no error."""
    found = hashes(base)
    weights = {name for name in (*files, *found) if name.endswith(".safetensors")}
    if any(files.get(name) != found.get(name) for name in weights):
        warnings.warn(
            f"{table} was made with other weight files than those in the store; if it is of another model, make it "
            f"anew (itl-bench atlas familiarity {base} --to FILE), and name that in the model's entry ('familiarity')",
            stacklevel=2,
        )


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


def make_table(
    folder: Path, atlas: Atlas, seed: int = SEED, progress: Progress = lambda done, total: None
) -> FamiliarityTable:
    """Ask a model for all facts; minutes on two cores for 270 million parameters.

    Args:
        folder: Of the model: safetensors and tokenizer.
        atlas: The facts.
        seed: Of the examples in the prompts.
        progress: Told how many prompts are done, and of how many.

    Raises:
        UsageError: The folder holds no model, or none that can be asked in this way.
    """
    files = hashes(folder)
    prompts = all_prompts(atlas, seed)
    flat = [prompt for of_fact in prompts.values() for prompt in of_fact]
    scores = score(load_model(folder), load_tokenizer(folder), flat, matcher(atlas), progress=progress)
    provenance = Provenance(
        files=files, atlas=atlas.version, prompts=fingerprint(flat), seed=seed, temperature=TEMPERATURE,
        made_with=package_versions(),
    )  # fmt: skip
    relations = {fact.id: fact.relation for fact in atlas.facts}
    rest = iter(scores)
    rows = (_row(name, relations[name], [next(rest) for _ in of_fact]) for name, of_fact in prompts.items())
    return FamiliarityTable(provenance=provenance, rows=tuple(rows))


def check_table(
    folder: Path, atlas: Atlas, table: FamiliarityTable, facts: int, progress: Progress = lambda done, total: None
) -> Agreement:
    """Compare a table with answers sampled from the model, on some facts drawn at random.

    Args:
        folder: Of the model that the table is of.
        atlas: The facts.
        table: From `make_table`.
        facts: How many to sample.
        progress: Told how many prompts are done, and of how many.

    Raises:
        UsageError: There are not so many facts.
    """
    if facts > len(table.rows):
        raise UsageError(f"{facts} facts are to be checked; the table has {len(table.rows)}")
    seed, prompts = table.provenance.seed, all_prompts(atlas, table.provenance.seed)
    rows = random.Random(seed).sample(table.rows, facts)
    flat = [prompt for row in rows for prompt in prompts[row.fact]]
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    rest = iter(sampled_share(model, tokenizer, flat, matcher(atlas), seed, progress=progress))
    shares = [_mean([next(rest) for _ in row.sampled]) for row in rows]
    return agreement([_mean(row.sampled) for row in rows], shares)


def all_prompts(atlas: Atlas, seed: int) -> dict[str, tuple[FewShot, ...]]:
    """Fact id -> its prompts, relation after relation."""
    prompts: dict[str, tuple[FewShot, ...]] = {}
    for relation in atlas.relations:
        facts = [fact for fact in atlas.facts if fact.relation == relation.id]
        prompts |= few_shots(relation, facts, seed) if facts else {}
    return prompts


def matcher(atlas: Atlas) -> Matches:
    """Whether an answer states a fact's value and no other value of its relation."""
    facts = {fact.id: fact for fact in atlas.facts}

    def matches(prompt: FewShot, text: str) -> bool:
        fact = facts[prompt.fact]
        return stated(text, fact.relation, fact.subject) == (fact.value,)

    return matches


def hashes(folder: Path) -> dict[str, str]:
    """Name -> sha256 of a model's weights and tokenizer.

    Raises:
        UsageError: There are no weights.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UsageError(f"{folder} holds no *.safetensors; give the folder of a model")
    found = {}
    for path in (*weights, folder / "tokenizer.json"):
        if path.exists():
            with path.open("rb") as stream:
                found[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def fingerprint(prompts: Sequence[FewShot]) -> str:
    """The sha256 of prompts and their answers, in order."""
    digest = hashlib.sha256()
    for prompt in prompts:
        digest.update(repr((prompt.fact, prompt.prefix, prompt.question, prompt.answers)).encode())
    return digest.hexdigest()


def _row(fact: str, relation: str, scores: Sequence[Score]) -> FactRow:
    greedy = sum(one.greedy for one in scores) / len(scores)
    sampled = tuple(float(f"{one.sampled:.{DIGITS}g}") for one in scores)
    return FactRow(fact=fact, relation=relation, greedy=greedy, sampled=sampled)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
