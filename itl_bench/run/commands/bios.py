"""`itl-bench bios`: make the pre-trained bases of the bios world, and look at them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from itl_bench.errors import UsageError

if TYPE_CHECKING:
    from itl_bench.data.bios.shipped import ShippedBase
    from itl_bench.data.bios.world import WorldSpec

app = typer.Typer(no_args_is_help=True, help="The bios world and its pre-trained bases.")


@app.command()
def pretrain(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="where bases and manifest go")],
    base: Annotated[list[int], typer.Option("--base", help="number of a base to make; may be repeated")],
    world_seed: Annotated[int, typer.Option(help="seed of the people")],
    steps: Annotated[int, typer.Option(help="steps of 4,096 tokens")] = 1500,
) -> None:
    """Pre-train bases from scratch: resumable, about five minutes each on two cores. Exit code 1 if a gate fails.

    A base of number N is seeded with the world seed plus N.
    """
    from itl_bench.data.bios.shipped import MANIFEST, Bases, Recipe
    from itl_bench.data.bios.world import WorldSpec
    from itl_bench.files import write_atomically
    from itl_bench.run.progress import Steps
    from itl_bench.stages.training.bases import make_base

    world, manifest, failed = WorldSpec(seed=world_seed), folder / MANIFEST, False
    _read(manifest, world)
    for number in base:
        recipe, state = Recipe(seed=world_seed + number, steps=steps), folder / f"base-{number}.state"
        with Steps(f"base {number}", steps) as progress:
            made, found = make_base(world, recipe, number, folder / f"base-{number}", state, progress.at)
        for gate in found:
            failed |= not gate.passed
            bounds = f"wanted {gate.low:.2f} to {gate.high:.2f}: {'passed' if gate.passed else 'FAILED'}"
            typer.echo(f"base {number}: {gate.name}: {gate.value:.3f} right, {bounds}")
        others = {one.number: one for one in _read(manifest, world)}  # read again: several may be made side by side
        bases = tuple(one for _, one in sorted((others | {number: made}).items()))
        write_atomically(manifest, Bases(world=world, bases=bases).model_dump_json(indent=1) + "\n")
        state.unlink(missing_ok=True)
    raise typer.Exit(1 if failed else 0)


def _read(manifest: Path, world: "WorldSpec") -> "tuple[ShippedBase, ...]":
    """The bases that are already in the folder."""
    from itl_bench.data.bios.shipped import Bases

    if not manifest.exists():
        return ()
    bases = Bases.model_validate_json(manifest.read_text(encoding="utf-8"))
    if bases.world != world:
        raise UsageError(
            f"{manifest.parent} holds bases of another world (seed {bases.world.seed}); give an empty folder"
        )
    return bases.bases
