"""`itl-bench judge`: what a judge is worth before its scores are evidence."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from itl_bench.errors import UsageError, unknown

if TYPE_CHECKING:
    from itl_bench.measures.judge import Judge
    from itl_bench.run.judges.calibrating import Scorer
    from itl_bench.stages.judges.judgement import Judgement, Request
    from itl_bench.stages.judges.judging import Progress
    from itl_bench.store.store import Store

app = typer.Typer(no_args_is_help=True, help="What a judge is worth.")

JUDGES = "judges"  # folder of a store with what was found out about judges

Id = Annotated[str | None, typer.Option("--judge", metavar="ID", help="a judge of judges.yaml (default: the first)")]
Rubric = Annotated[str, typer.Option("--rubric", metavar="ID", help="what the judge is told")]
Root = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="the store (default: ITL_STORE, else the user's cache)")
]
Cases = Annotated[Path | None, typer.Option("--cases", metavar="DIR", help="a folder of your own, as --itl-cases")]
Most = Annotated[
    float, typer.Option("--max-cost", metavar="USD", min=0, help="what may be spent; a judge without prices costs none")
]


@app.command()
def calibrate(
    reference: Annotated[Path, typer.Option("--reference", metavar="FILE", help="judgements as just-eval writes them")],
    judge: Id = None,
    rubric: Rubric = "aspects-1",
    replay: Annotated[bool, typer.Option("--replay", help="serve the file's own replies; ask nobody")] = False,
    store: Root = None,
    cases: Cases = None,
    most: Most = 0.0,
) -> None:
    """Hold a judge against recorded judgements of the same answers: bias, agreement and a map, for each aspect.

    For example: itl-bench judge calibrate --reference results.jsonl --judge my-judge --max-cost 2
    """
    from itl_bench.measures.rubric import load_rubric
    from itl_bench.run.judges.calibrating import calibrate as compare
    from itl_bench.run.judges.calibrating import in_lines, replaying
    from itl_bench.run.judges.reference import read_reference

    chosen, told = _declared(judge, cases), load_rubric(rubric)
    recorded = read_reference(reference, told)
    score = replaying(recorded, chosen, told) if replay else _asking(chosen, _opened(store), most)
    scripted = " (scripted: no evidence)" if chosen.scripted else ""
    who = "the file's own replies" if replay else f"{chosen.id}{scripted}"
    typer.echo(f"{who} against {reference.name}: {len(recorded)} answers, rubric {told.id} ({told.hash[:12]})")
    _print(in_lines(compare(recorded, chosen, told, score)))


@app.command()
def attack(
    judge: Id = None, rubric: Rubric = "aspects-1", store: Root = None, cases: Cases = None, most: Most = 0.0
) -> None:
    """Ask a judge about answers that tell it what to say, and about the same answers without.

    A judge whose scores they lift by more than 0.2 points on average is marked, in a file of the store.

    For example: itl-bench judge attack --judge my-judge --max-cost 1
    """
    from itl_bench.measures.rubric import load_rubric
    from itl_bench.run.judges.attacking import attack as try_all
    from itl_bench.run.judges.attacking import in_lines, save

    chosen, opened = _declared(judge, cases), _opened(store)
    result = try_all(chosen, load_rubric(rubric), _asking(chosen, opened, most))
    _print(in_lines(result))
    typer.echo(f"wrote {save(result, opened.root / JUDGES)}")


@app.command()
def ledger(store: Root = None) -> None:
    """What judges said and cost, by judge and day."""
    from itl_bench.measures.judge import LEDGER
    from itl_bench.stages.judges.ledger import Ledger

    file = _opened(store).root / LEDGER
    if not file.exists():
        typer.echo(f"no judge was asked in {file.parent}")
        return
    with Ledger(file) as opened:
        for one in opened.totals():
            judged = f"{one.judged:,} judged, {one.failed:,} of them failed; {one.requests:,} requests"
            spent = f"{one.spent.total:.4f} USD ({one.spent.known:.4f} by the server's count)"
            typer.echo(f"{one.day}  {one.judge}: {judged}, {spent}")


def _declared(name: str | None, cases: Path | None) -> "Judge":
    """The judge of an id, the catalog's first where none is given.

    Raises:
        UsageError: There is none.
    """
    from itl_bench.catalog.loading import load_catalog

    judges = load_catalog(cases).judges
    found = judges.get(name or next(iter(judges)))
    if found is None:
        raise UsageError(unknown("judge", name, judges))
    return found.asked


def _opened(root: Path | None) -> "Store":
    from itl_bench.store.store import Store, default_root

    return Store(root or default_root())


def _asking(judge: "Judge", store: "Store", most: float) -> "Scorer":
    """What asks a judge, once for each answer, whoever asks; judgements and money go to the ledger of the store.

    Raises:
        UsageError: The client is not installed.
    """
    if find_spec("openai") is None:
        raise UsageError("asking a judge needs a client; pip install 'itl_bench[judge]'")

    def score(requests: "Sequence[Request]") -> "Mapping[str, Judgement]":
        """Ask, and say on stderr how many were judged and what was paid."""
        from itl_bench.measures.judge import LEDGER
        from itl_bench.stages.judges.judging import judge_all
        from itl_bench.stages.judges.ledger import Ledger

        shown: list[Progress] = []
        with Ledger(store.root / LEDGER) as ledger:
            try:
                return judge_all(judge, requests, ledger, f"judge-{uuid4().hex}", most, shown.append)
            finally:
                if shown:
                    last = shown[-1]
                    said = f"{last.judged} of {last.total} answers judged, {last.failed} of them in vain"
                    typer.echo(f"{said}; ${last.dollars:.4f} paid", err=True)

    return score


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
