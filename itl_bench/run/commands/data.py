"""`itl-bench data`: which datasets and probes are here, what is in them, and which prompts datasets hold already."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperGroup

from itl_bench.errors import UsageError, short, unknown

if TYPE_CHECKING:
    from itl_bench.data.rows import Prompt
    from itl_bench.data.sources.overlap import Overlap
    from itl_bench.data.sources.places import Found
    from itl_bench.data.sources.report import LoadReport
    from itl_bench.data.sources.spec import SourceSpec

LIST = "list"
SHOWN = 3  # prompts of each dataset and probe that are printed; the others are counted
WIDTH = 79  # characters of the line that shows progress
ALWAYS = ("empty_responses", "duplicates")  # counts of a dataset that are printed where they are 0, too
HEADINGS = ("dataset", "probe", "prompts", "word for word", "{n} words in a row", "shorter than {n} words")
TEXTS = 2  # columns of names, before those of numbers

Kind = Literal["dataset", "probe"]
Declared = dict[tuple[Kind, str], "tuple[SourceSpec, ...]"]  # (kind, name) -> where its rows come from


class _ListByDefault(TyperGroup):
    """`itl-bench data NAMES` is `itl-bench data list NAMES`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        own = [*self.commands, *ctx.help_option_names]
        return super().parse_args(ctx, args if args and args[0] in own else [LIST, *args])


app = typer.Typer(
    cls=_ListByDefault,
    help="Datasets and probes from elsewhere: which are here, and what they share. `data NAMES` is `data list NAMES`.",
)
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAMES]...", help="of datasets and probes (default: all)")
]  # fmt: skip
Cases = Annotated[Path | None, typer.Option("--cases", metavar="DIR", help="a folder of your own, as --itl-cases")]


@app.command(LIST)
def list_data(names: Names = None, cases: Cases = None) -> None:
    """Where datasets and probes are and what reading them found, or the command that gets them; downloads nothing.

    Exit code 1 if something that is here cannot be read, or is not what is declared.
    """
    declared, failed = _declared(cases), list[str]()
    for kind, name in _named(declared, names or []) or declared:
        found, lines = _found(name, declared[kind, name]), list[str]()
        if isinstance(found, str):
            typer.echo(found)
            continue
        with _reading(name, failed, plain=False):
            lines = _described(kind, found, _report(kind, name, declared[kind, name]))
        if lines:
            typer.echo("\n  ".join(lines))
    raise typer.Exit(1 if failed else 0)


@app.command("overlap")
def overlap_table(names: Names = None, cases: Cases = None) -> None:
    """Which prompts of the probes that are here are in the datasets that are here, word for word or 13 words in a row.

    Names of datasets leave out the other datasets, and names of probes the other probes. Exit code 1 if something that
    is here cannot be read, or is not what is declared.
    """
    from itl_bench.data.sources.overlap import NGRAM

    declared, failed = _declared(cases), list[str]()
    named = _named(declared, names or [])
    datasets, probes = (_here(declared, named, kind) for kind in ("dataset", "probe"))
    rows, texts = [tuple(heading.format(n=NGRAM) for heading in HEADINGS)], list[str]()
    for dataset, probe, found, prompts in _overlaps(declared, datasets, probes, failed):
        numbers = (found.facts[name] for name in ("prompts", "exact", "ngram", "too_short"))
        rows.append((dataset, probe, *(f"{number:,}" for number in numbers)))
        texts += _shown(found, prompts)
    absent = [name for kind, name in declared if name not in (*datasets, *probes) and not named]
    for line in (*_aligned(rows), *texts):
        typer.echo(line)
    if absent:
        typer.echo(f"not here: {', '.join(absent)}; `itl-bench data` says how to get them")
    raise typer.Exit(1 if failed else 0)


def _declared(cases: Path | None) -> Declared:
    """What says where its rows come from: nothing of the worlds, which this package makes."""
    from itl_bench.catalog.loading import load_catalog

    catalog, declared = load_catalog(cases), Declared()
    for dataset in catalog.datasets.values():
        declared |= {("dataset", dataset.name): dataset.rows_from} if dataset.rows_from else {}
    for probe in catalog.probes.values():
        declared |= {("probe", probe.id): probe.rows_from} if probe.rows_from else {}
    return declared


def _named(declared: Declared, names: Sequence[str]) -> list[tuple[Kind, str]]:
    """What the names mean.

    Raises:
        UsageError: One means nothing.
    """
    known = dict.fromkeys(name for _, name in declared)
    for name in names:
        if name not in known:
            raise UsageError(unknown("dataset or probe from elsewhere", name, known))
    return [place for place in declared if place[1] in names]


def _found(name: str, sources: "Sequence[SourceSpec]") -> "Found | str":
    """Where the files are on this machine, or a line on how to get them for each source."""
    from itl_bench.data.sources.loading import first_found
    from itl_bench.data.sources.spec import MissingDatasetError

    try:
        return first_found(name, sources, download=False)[1]
    except MissingDatasetError as error:
        return str(error)


def _here(declared: Declared, named: Sequence[tuple[Kind, str]], kind: Kind) -> list[str]:
    """Names of the datasets, or of the probes, that are asked for and here.

    Raises:
        UsageError: None is, or not all that were named.
    """
    wanted = [name for one, name in named if one == kind]
    every = {name: _found(name, some) for (one, name), some in declared.items() if one == kind}
    for name in wanted:
        if isinstance(message := every[name], str):
            raise UsageError(message)
    here = wanted or [name for name, found in every.items() if not isinstance(found, str)]
    if not here:
        raise UsageError(f"no {kind} is here; `itl-bench data` prints the commands that get them")
    return here


def _report(kind: Kind, name: str, sources: "Sequence[SourceSpec]") -> "LoadReport":
    from itl_bench.data.sources.loading import load_items, load_prompts

    load = load_items if kind == "dataset" else load_prompts
    return load(name, sources, download=False).report


def _described(kind: Kind, found: "Found", report: "LoadReport") -> list[str]:
    """What a load found, the first line with where it is."""
    more = f" and {len(found.files) - 1:,} more" if len(found.files) > 1 else ""
    always = ALWAYS if kind == "dataset" else ALWAYS[1:]
    facts = {**dict.fromkeys(always, 0), **report.facts}
    counts = [
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in facts.items()
        if name not in ("rows", "kept") and (value or name in always)
    ]
    return [
        f"{report.dataset} ({kind}): {report.origin}, {found.files[0]}{more}",
        f"{report.rows:,} rows, {report.kept:,} kept; {', '.join(counts)}",
        f"sha256 {report.sha256}",
        *report.notes,
    ]


def _overlaps(
    declared: Declared, datasets: Sequence[str], probes: Sequence[str], failed: list[str]
) -> "Iterator[tuple[str, str, Overlap, Sequence[Prompt]]]":
    """Dataset, probe, what they share, and the probe's prompts; one dataset at a time is in memory."""
    from itl_bench.data.sources.loading import load_items, load_prompts
    from itl_bench.data.sources.overlap import overlap

    asked: dict[str, Sequence[Prompt]] = {}
    for probe in probes:
        with _reading(probe, failed):
            asked[probe] = load_prompts(probe, declared["probe", probe], download=False).prompts
    for number, dataset in enumerate(datasets, start=1):
        found: Mapping[str, Overlap] = {}
        with _reading(f"{dataset}, dataset {number} of {len(datasets)}", failed):
            items = load_items(dataset, declared["dataset", dataset], download=False).items
            found = {probe: overlap(items, prompts) for probe, prompts in asked.items()}
        for probe, one in found.items():
            yield dataset, probe, one, asked[probe]


def _shown(found: "Overlap", prompts: "Sequence[Prompt]") -> Iterator[str]:
    """The first prompts that are found, those word for word before the others, each with an item that has it."""
    hits = [(not exact, position) for position, exact in enumerate(found.exact) if found.examples[position]]
    for partly, position in sorted(hits)[:SHOWN]:
        how = f"shares {found.n} words in a row with" if partly else "is in"
        yield f"{found.prompts[position]} {how} {found.examples[position]}: {short(prompts[position].instruction)}"
    if len(hits) > SHOWN:
        yield f"... and {len(hits) - SHOWN:,} more prompts of this probe in this dataset"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Lines of a table: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:{'<' if number < TEXTS else '>'}{widths[number]}}" for number, cell in enumerate(row)]
        yield "  ".join(cells)


@contextmanager
def _reading(what: str, failed: list[str], plain: bool = True) -> Iterator[None]:
    """Say what is being read; what goes wrong with it is one line, and the rest goes on.

    Args:
        what: The start is its name.
        failed: Gets `what` if something goes wrong.
        plain: Whether it is a line of its own where there is no terminal.
    """
    terminal = sys.stderr.isatty()
    if terminal or plain:
        typer.echo(f"\r{f'reading {what}':{WIDTH}}" if terminal else f"reading {what}", err=True, nl=not terminal)
    try:
        yield
        problem = ""
    except (UsageError, OSError) as error:
        failed.append(what)
        problem = str(error)
    finally:
        if terminal:
            typer.echo(f"\r{'':{WIDTH}}\r", err=True, nl=False)
    if problem:
        typer.echo(f"ERROR: {problem}", err=True)
