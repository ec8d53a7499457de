"""`itl-bench perf`: the speed of the suite itself, as ratios and shares within one run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from itl_bench.errors import UsageError

if TYPE_CHECKING:
    from itl_bench.run.perf.coverage import Kept  # loads scipy, which the other commands do not need

app = typer.Typer(no_args_is_help=True, help="Speed of the suite itself.")


@app.command()
def collect(
    repeats: Annotated[int, typer.Option(min=1, help="runs of each; medians count")] = 5,
) -> None:
    """How much longer collecting the whole grid takes than an empty test file."""
    from itl_bench.run.perf.collecting import collect_times

    times = collect_times(repeats)
    typer.echo(f"empty test file   {times.empty:6.2f} s")
    typer.echo(f"{times.cases:6d} cases      {times.grid:6.2f} s")
    typer.echo(f"difference        {times.grid - times.empty:6.2f} s (medians of {repeats})")


@app.command()
def shift(
    responses: Annotated[int, typer.Option(min=1, help="answers to score")] = 32,
    tokens: Annotated[int, typer.Option(min=2, help="of each answer")] = 64,
    model: Annotated[Path | None, typer.Option(metavar="FOLDER", help="a real model (default: tiny ones)")] = None,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="with a real model: one JSON object a line")] = None,
    prompt_tokens: Annotated[int, typer.Option(min=1, help="with a real model: of each prompt")] = 60,
) -> None:
    """The token shift against one full forward pass per token without a cache, as the paper's borrowed code does it."""
    from itl_bench.run.perf.shift import compare_shift_speed, real_material, tiny_material

    if (model is None) != (data is None):
        raise UsageError("a real model needs data and the other way round; give --model FOLDER and --data FILE")
    given = real_material(model, data, responses, tokens, prompt_tokens) if model and data else None
    times = compare_shift_speed(given or tiny_material(responses, tokens))
    typer.echo(f"ours, chunked              {times['chunked']:8.2f} s")
    for name, title in (("full_logits", "all logits, every token"), ("last_position", "last logits, every token")):
        typer.echo(f"{title:26} {times[f'{name}_loop']:8.2f} s, {times[f'{name}_ratio']:.0f} times as long")
    typer.echo(f"largest difference of any value: {times['largest_difference']:.1g}")
    typer.echo(f"memory beyond the models, at most: {times['extra_memory'] / 1e9:.2f} GB")


@app.command()
def train(
    model: Annotated[Path, typer.Option(metavar="FOLDER", help="weights and tokenizer of a causal language model")],
    data: Annotated[Path, typer.Option(metavar="FILE", help="rows with fields instruction and response (or output)")],
    methods: Annotated[list[str] | None, typer.Option("--method", help="several times for several")] = None,
    updates: Annotated[int, typer.Option(min=1, help="of 32 rows each")] = 20,
    cutoff: Annotated[int, typer.Option(min=8, help="most tokens of a row")] = 512,
    micro_batch: Annotated[int, typer.Option(min=1, max=32, help="rows that go through the model at once")] = 8,
) -> None:
    """The one recipe against transformers' Trainer as it comes, on the same rows from the same start."""
    from itl_bench.run.perf.training import compare_train_speed

    for method in methods or ["lora", "full"]:
        speed = compare_train_speed(model, data, method, updates, cutoff, micro_batch)
        typer.echo(f"{method}: {updates} updates of 32 rows, {speed.tokens} tokens")
        for title, seconds, padding in (
            ("plain Trainer", speed.plain_seconds, speed.plain_padding), ("recipe", speed.seconds, speed.padding),
        ):  # fmt: skip
            typer.echo(f"  {title:14} {speed.tokens / seconds:9.1f} tokens/s, {padding:5.1%} of positions padding")
        typer.echo(
            f"  {speed.ratio:.2f} times as fast; largest difference of a loss {speed.largest_difference:.1g} nats, "
            f"at update {speed.farthest}"
        )
        for note in speed.notes:
            typer.echo(f"  {note}")


@app.command()
def generate(
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="weights of a base (default: the first that ships)")
    ] = None,
    adapters: Annotated[int, typer.Option(min=1, help="of the base, random ones")] = 8,
    prompts: Annotated[int, typer.Option(min=1, help="for each adapter")] = 200,
    tokens: Annotated[int, typer.Option(min=1, help="of every answer")] = 32,
) -> None:
    """One engine of vLLM for many adapters against an engine for each, and against transformers, all end to end."""
    from itl_bench.data.bios.shipped import folder_of, shipped_bases
    from itl_bench.run.perf.generation import compare_generation

    base = model or folder_of(shipped_bases().bases[0].number)
    ways = compare_generation(base, adapters, prompts, tokens)
    typer.echo(f"{adapters} adapters, {prompts} prompts for each, {tokens} tokens of every answer")
    typer.echo(f"{'':28} {'starts':>6} {'loading':>9} {'answering':>9} {'tokens/s':>9} {'memory':>8} {'identical':>9}")
    for way in ways:
        typer.echo(
            f"{way.name:28} {way.starts:6d} {way.loading:7.1f} s {way.answering:7.1f} s "
            f"{way.tokens / way.answering:9,.0f} {way.peak_memory / 1e9:5.1f} GB {way.identical:9.1%}"
        )
    for other in ways[1:]:
        ratio, answering = other.seconds / ways[0].seconds, other.answering / ways[0].answering
        typer.echo(f"{other.name}: {ratio:.2f} times as long as one engine end to end, {answering:.2f} times answering")


@app.command()
def judge(
    judgements: Annotated[int, typer.Option(min=1, help="to ask for")] = 2000,
    concurrency: Annotated[int, typer.Option(min=1, help="requests at once")] = 16,
    latency: Annotated[int, typer.Option(min=0, help="milliseconds that a reply takes")] = 200,
) -> None:
    """Judgements a second from a server on this machine that is as slow as a real one, ledger and client included."""
    from itl_bench.run.perf.judging import judging_speed

    speed = judging_speed(judgements, concurrency, latency / 1000)
    rate = judgements / speed.seconds
    typer.echo(f"{judgements} judgements, {concurrency} at once, {latency} ms a reply")
    typer.echo(f"{rate:.1f} judgements a second, {speed.share:.1%} of what that allows")
    typer.echo(
        f"processor {1000 * speed.processor / judgements:.2f} ms a judgement; "
        f"{speed.waiting:.1f} of {speed.seconds:.1f} s waited for one that others had"
    )
    start, end, peak = (size / 1e6 for size in (speed.memory, speed.memory_end, speed.peak))
    typer.echo(f"memory {start:.1f} MB when a tenth was judged, {end:.1f} MB at the end, {peak:.1f} MB at most")


@app.command()
def cells(
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="the store (default: as for runs)")
    ] = None,
) -> None:
    """Where the time of tuned cells went: forward, backward and optimizer step, as shares of the whole artifact."""
    from itl_bench.run.perf.collecting import cell_times
    from itl_bench.store.store import Store, default_root

    times = cell_times(Store(store or default_root()))
    typer.echo(f"{times.cells} cells, {times.seconds:.1f} s each (mean, from loading the base to the saved weights)")
    for part, share in times.shares.items():
        typer.echo(f"{part:10} {share:6.1%}")
    typer.echo(f"{'training':10} {sum(times.shares.values()):6.1%} of the time of a cell")


@app.command()
def statistics(
    runs: Annotated[int, typer.Option(min=10, help="simulated comparisons of each kind")] = 1000,
    trainings: Annotated[int, typer.Option(min=2, help="of each method")] = 5,
    effect: Annotated[float, typer.Option(min=0, max=25, help="true difference for what is found, in points")] = 10.0,
    seed: Annotated[int, typer.Option(help="of all draws")] = 1,
) -> None:
    """How often two equal methods are told apart, by tests over prompts alone and by this suite."""
    from itl_bench.run.perf.statistics import TESTS, compare

    spreads, prompts = (0.0, 0.01, 0.02, 0.035, 0.05, 0.07), (96, 400, 1600)
    typer.echo(
        f"{runs} runs, {trainings} trainings of each method; in %: told apart where equal / {effect:g} points apart"
    )
    typer.echo(f"{'spread':>6} {'prompts':>7}  " + "  ".join(f"{name:>21}" for name in TESTS))
    for one in compare(spreads, prompts, trainings, effect / 100, runs, seed):
        cells = (f"{100 * one.false[name]:.1f} / {100 * one.found[name]:.0f}" for name in TESTS)
        typer.echo(f"{100 * one.spread:6.1f} {one.prompts:7d}  " + "  ".join(f"{cell:>21}" for cell in cells))


@app.command()
def coverage(
    runs: Annotated[int, typer.Option(min=10, help="simulated comparisons of each kind")] = 400,
    seed: Annotated[int, typer.Option(help="of all draws")] = 1,
) -> None:
    """What the interval of a verdict covers where answers are right or wrong, up to near the ceiling."""
    from itl_bench.run.perf.coverage import COMPARISONS, DESIGNS, SPREADS, kept, worst

    typer.echo(f"{runs} runs, the true effect just at the margin; in %: covered, false SUPPORTED / REFUTED (with room)")
    typer.echo("width: of the interval of shares, in that of t; power: what it finds where that of t finds 80")
    for design in DESIGNS:
        for name, spread in SPREADS.items():
            if design.bases == 1 and spread.uneven:
                continue  # it is bases that are uneven
            typer.echo(f"\n{design.bases} x {design.runs}, {design.units} units of {design.each}, spread {name}")
            typer.echo(f"{'left right':>18} {'interval of t':>28} {'interval of shares':>29} {'width':>6} {'power':>8}")
            found = [kept(design, spread, one, runs, seed) for one in COMPARISONS]
            for one, (t, shares) in zip(COMPARISONS, found, strict=True):
                compared = f"{one.expect:>8} {one.left:4g} {one.right:4g}"
                power = f"{100 * shares.found:.0f} / {100 * shares.excluded:.0f}"
                typer.echo(f"{compared}  {_kept(t)}  {_kept(shares)} {shares.width / t.width:6.2f} {power:>9}")
            typer.echo(f"{'worst':>18}  " + "  ".join(_kept(worst(by)) for by in zip(*found, strict=True)))


def _kept(one: "Kept") -> str:
    covered, supported, refuted, supported_with_room, refuted_with_room = (f"{100 * share:.1f}" for share in one[:5])
    return f"{covered:>5} {supported:>4} /{refuted:>4} ({supported_with_room:>4} /{refuted_with_room:>4})"
