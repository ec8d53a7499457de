"""The table of what a model knows of atlas: one line per fact, behind a line that says how it was made."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, get_args

from pydantic import Field

import itl_bench.data.atlas
from itl_bench.data.atlas.selecting import Familiarity
from itl_bench.data.rows import Line
from itl_bench.errors import UsageError, unknown
from itl_bench.files import write_atomically
from itl_bench.specs import Count, Spec

__all__ = ["CLASSES", "LIKELY", "SAMPLES", "Familiarity", "familiarity", "right_sample"]
CLASSES: tuple[Familiarity, ...] = get_args(Familiarity)
SAMPLES = 16  # of each prompt, as Gekhman et al. draw them
LIKELY = 0.25
"""A fact is weakly known from this probability on that any sample is right. Gekhman et al. draw the samples once, and
call a fact unknown if none came out right. The probability itself is known here, and facts that count as new should be
new: one that the draw would miss as often as not is half known. So unknown are those that it would miss three times in
four; with a lower threshold gemma270m has too few unknown facts for a probe of 400 prompts."""
FOLDER = Path(itl_bench.data.atlas.__file__).with_name("familiarity")
SUFFIX = ".jsonl"
Share = Annotated[float, Field(ge=0, le=1)]


class Provenance(Line):
    """How a table was made.

    Attributes:
        files: Of the model: name -> sha256, weights and tokenizer.
        atlas: Version of the facts.
        prompts: sha256 of all prompts with their answers.
        seed: Of the examples in the prompts.
        temperature: Of the sampled answers.
        made_with: Versions of packages.
    """

    files: dict[str, str]
    atlas: Count
    prompts: str
    seed: int
    temperature: float
    made_with: dict[str, str]


class FactRow(Line):
    """What the model knows of one fact.

    Attributes:
        greedy: Share of the prompts whose greedy answer is right.
        sampled: For each prompt, the probability that a sampled answer is right.
    """

    fact: str
    relation: str
    greedy: Share
    sampled: Annotated[tuple[Share, ...], Field(min_length=1)]

    @property
    def familiarity(self) -> Familiarity:
        """The class that follows from both."""
        return familiarity(self.greedy, self.sampled)


class FamiliarityTable(Spec):
    """What a model knows of all facts."""

    provenance: Provenance
    rows: tuple[FactRow, ...]

    @property
    def classes(self) -> dict[str, Familiarity]:
        """Fact id -> its class."""
        return {row.fact: row.familiarity for row in self.rows}

    def summary(self) -> str:
        """Facts by relation and class, as text in columns."""
        counts = Counter((row.relation, row.familiarity) for row in self.rows)
        relations = list(dict.fromkeys(row.relation for row in self.rows))
        lines = [("relation", *CLASSES, "all")]
        for name in relations:
            of_class = [counts[name, one] for one in CLASSES]
            lines.append((name, *map(str, of_class), str(sum(of_class))))
        totals = [sum(counts[name, one] for name in relations) for one in CLASSES]
        lines.append(("all", *map(str, totals), str(len(self.rows))))
        return "\n".join(_columns(line, max(map(len, [*relations, "relation"]))) for line in lines)


def write_familiarity(path: Path, table: FamiliarityTable) -> None:
    """Write a table as JSON lines, the provenance first."""
    write_atomically(path, "".join(f"{line.model_dump_json()}\n" for line in (table.provenance, *table.rows)))


def read_familiarity(path: Path) -> FamiliarityTable:
    """Read what `write_familiarity` wrote.

    Raises:
        UsageError: There is no such file, or it holds no table.
    """
    try:
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        rows = tuple(FactRow.model_validate_json(line) for line in rest)
        return FamiliarityTable(provenance=Provenance.model_validate_json(first), rows=rows)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path} holds no table of familiarity ({reason}); make one with: itl-bench atlas familiarity MODEL_FOLDER "
            f"--to {path}"
        ) from error


@cache
def shipped_familiarity(model: str) -> FamiliarityTable:
    """The table of a model that ships with the package.

    Raises:
        UsageError: None ships for this model.
    """
    return read_familiarity(table_file(model))


def table_file(name: str) -> Path:
    """The file of a table: a path, or the name of one that ships with the package.

    Raises:
        UsageError: It is neither.
    """
    shipped = {path.stem: path for path in sorted(FOLDER.glob(f"*{SUFFIX}"))}
    if name in shipped:
        return shipped[name]
    if Path(name).is_file():
        return Path(name)
    hint = "Or a file, which is not there: make one with: itl-bench atlas familiarity MODEL_FOLDER --to FILE"
    raise UsageError(f"{unknown('table of familiarity', name, shipped)} {hint}")


def _columns(cells: tuple[str, ...], width: int) -> str:
    """The first cell on the left, the others under their titles."""
    first, *rest = cells
    widths = [max(len(title), 6) for title in (*CLASSES, "all")]
    return "  ".join([first.ljust(width), *(cell.rjust(size) for cell, size in zip(rest, widths, strict=True))])


class TableFrom(Spec):
    """Where this machine has what a model knows of atlas."""

    path: Path


def familiarity(greedy: float, sampled: Sequence[float]) -> Familiarity:
    """Class one fact.

    Args:
        greedy: Share of the prompts whose greedy answer is right.
        sampled: For each prompt, the probability that a sampled answer is right.
    """
    if greedy == 1:
        return "highly-known"
    if greedy > 0:
        return "maybe-known"
    return "weakly-known" if right_sample(sampled) >= LIKELY else "unknown"


def right_sample(sampled: Sequence[float], samples: int = SAMPLES) -> float:
    """Probability that at least one of `samples` samples of each prompt is right.

    Args:
        sampled: For each prompt, the probability that one sample is right.
        samples: Drawn of each prompt.
    """
    return 1 - math.prod((1 - probability) ** samples for probability in sampled)
