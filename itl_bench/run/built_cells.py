"""Single cells, their answers and measures: from the store, or built into it when asked for."""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.answering import resolved
from itl_bench.catalog.serving import BACKENDS, Answering, Backend
from itl_bench.data.rows import Response, Table, read_lines, read_table
from itl_bench.errors import ItlError, UsageError, unknown
from itl_bench.machine.vllm import check_installed
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.lacking import why_no_data, why_no_model
from itl_bench.plan.reads import computed
from itl_bench.plan.runnable import recipe_for
from itl_bench.run.building import Built, Stages, Work, build, load_stages, require
from itl_bench.store.artifact import RESPONSES, TABLE, TRAINING, Artifact
from itl_bench.store.keys import Task
from itl_bench.store.store import DamagedArtifactError, Store
from itl_bench.vocabulary import IN_CONTEXT, NOT_TUNED


class Training(BaseModel):
    """What happened while tuning.

    Attributes:
        losses: Of every step, in nats per response token.
        tokens: That were trained on, prompts included, over all epochs.
    """

    model_config = ConfigDict(frozen=True)

    losses: tuple[float, ...]
    tokens: int


@dataclass(frozen=True)
class BuiltCell:
    """A tuned model in the store, or an untuned base where the method of the cell tunes nothing.

    Attributes:
        cell: Model, dataset, method, learning rate and replicate.
        folder: The checkpoint: a whole model, or an adapter for its base.
        training: What happened while tuning; None for an untuned base.
    """

    cell: TunedCell
    folder: Path = field(compare=False)
    training: Training | None = field(compare=False, repr=False)


@dataclass(frozen=True)
class BuiltCells:
    """Gives cells and what is measured of them; what the store lacks is built, once whoever asks for it.

    All functions raise UsageError where a name is wrong or a base cannot be asked for what is wanted, and NotBuiltError
    where something could not be built.

    Attributes:
        backend: What answers where neither the run nor a recipe says; that of the profile.
        before: Called with each tuned or untuned model that is asked for, before it is checked or built.
    """

    catalog: Catalog
    store: Store
    run_id: str
    stages: Callable[[], Stages] = load_stages
    before: Callable[[TunedCell], None] = lambda cell: None
    backend: Backend | None = None

    def cell(
        self,
        dataset: str,
        method: str,
        rate: float | None = None,
        *,
        model: str = "bios1m",
        base: int = 1,
        seed: int = 11,
        recipe: str | None = None,
    ) -> BuiltCell:
        """A tuned model, or the untuned one with the method `base`, or `in-context` to show it worked examples.

        Args:
            dataset: What it is tuned on.
            method: How.
            rate: Highest learning rate; none for an untuned base.
            model: What is tuned.
            base: Number of its pre-trained base, where it has several.
            seed: Of the tuning.
            recipe: How it is tuned; None for that of the dataset, or of the first declared cells of the model.
        """
        chosen = recipe_for(model, dataset, self.catalog) if recipe is None else recipe
        cell = TunedCell(model, dataset, method, rate or 0.0, Replicate(base, seed), chosen)
        self.before(cell)
        self._check_names(dataset, method, model)
        _check_numbers(method, rate, seed)
        _check("recipe", chosen, ["", *self.catalog.recipes])
        graph = Graph(self.catalog)
        if method in NOT_TUNED:
            (untuned,) = self._artifacts(graph, graph.base(model, base))
            return BuiltCell(cell, untuned.folder, None)
        tuned, log = self._artifacts(graph, graph.checkpoint(cell), graph.training(cell))
        return BuiltCell(cell, tuned.folder, Training.model_validate_json((log.folder / TRAINING).read_bytes()))

    def responses(self, cell: BuiltCell, probe: str, backend: str | None = None) -> list[Response]:
        """Greedy answers of a cell to every prompt of a probe; by what the run or the recipe asks for, or a backend."""
        asked, graph = self._checked(cell, probe), Graph(self.catalog)
        tuned = None if asked.method in NOT_TUNED else graph.checkpoint(asked)
        base = graph.base(asked.model, asked.replicate.base)
        prompts = graph.probe(probe, asked.dataset, asked.model, asked.replicate.tuning_seed)
        answering, in_context = self._answering(asked, backend), asked.method == IN_CONTEXT
        answers = graph.responses(base, prompts, tuned, asked.recipe, answering, in_context)
        (found,) = self._artifacts(graph, answers)
        return read_lines(found.folder / RESPONSES, Response)

    def measure(self, cell: BuiltCell, probe: str, measure: str) -> Table:
        """A measure of a cell on a probe, with a row for every prompt."""
        asked, graph = self._checked(cell, probe), Graph(self.catalog)
        own = {name: spec for name, spec in self.catalog.measures.items() if spec.function}
        _check("measure", measure, [*OF_ANSWERS, *own])
        made = computed(self.catalog, measure) if measure in own else OF_ANSWERS[measure]
        answered = asked._replace(answering=self._answering(asked))
        (found,) = self._artifacts(graph, graph.measure(made, answered, probe))
        return read_table(found.folder / TABLE)

    def _answering(self, cell: TunedCell, backend: str | None = None) -> Answering:
        recipe = self.catalog.recipes.get(cell.recipe)
        asked = backend or self.catalog.serving.asked or (recipe and recipe.backend) or self.backend or "hf"
        _check("backend", asked, BACKENDS)
        found = resolved(cast("Backend", asked), cell.model, cell.recipe, self.catalog)
        if found.engine == "vllm":
            check_installed()
        return found

    def _check_names(self, dataset: str, method: str, model: str) -> None:
        _check("model", model, list(self.catalog.models))
        level = self.catalog.models[model].level
        fitting = [spec for spec in self.catalog.datasets.values() if level in spec.levels]
        _check(f"dataset for {model}", dataset, [name for spec in fitting for name in spec.variants])
        methods = [spec.id for spec in self.catalog.methods.values() if spec.trains != "none"]
        _check("method", method, [*methods, *NOT_TUNED])
        if reason := why_no_model(self.catalog.models[model]) or why_no_data(self.catalog.dataset_of(dataset)):
            raise UsageError(reason)

    def _checked(self, cell: BuiltCell, probe: str) -> TunedCell:
        if not isinstance(cell, BuiltCell):
            raise UsageError(f"expected a cell, as the fixture 'cell' gives it, found {cell!r}")
        level = self.catalog.models[cell.cell.model].level
        probes = [spec.id for spec in self.catalog.probes.values() if level in spec.levels]
        _check(f"probe for {cell.cell.model}", probe, probes)
        return cell.cell

    def _artifacts(self, graph: Graph, *wanted: Task) -> Sequence[Artifact]:
        """What is wanted, after building what is missing; what turns out to be damaged is built again."""
        work = Work(tuple(graph.tasks.values()), tuple(task.key for task in wanted))
        self._build(work)
        try:
            return self._open(work.targets)
        except (DamagedArtifactError, KeyError) as error:  # a key: set aside by another worker that found it damaged
            if isinstance(error, DamagedArtifactError):
                warnings.warn(str(error), stacklevel=4)
        self._build(work)
        return self._open(work.targets)

    def _build(self, work: Work) -> None:
        try:
            built = build(work, self.store, self.run_id, self.stages)
        except (ItlError, OSError) as error:
            built = Built(stopped=error)
        for message in built.damaged:
            warnings.warn(message, stacklevel=5)
        require(work, self.store, built)

    def _open(self, keys: Iterable[str]) -> Sequence[Artifact]:
        return [self.store.open(key) for key in keys]


def _check(kind: str, given: str, accepted: Sequence[str]) -> None:
    if given not in accepted:
        raise UsageError(unknown(kind, given, accepted))


def _check_numbers(method: str, rate: float | None, seed: int) -> None:
    if method in NOT_TUNED and rate is not None:
        raise UsageError(f"an untuned base has no learning rate, found {rate!r}; leave it out")
    if method not in NOT_TUNED and not (isinstance(rate, int | float) and 0 <= rate < math.inf):
        raise UsageError(f"the learning rate is a number from 0 on, found {rate!r}; an example is 0.003")
    if not isinstance(seed, int) or seed < 0:
        raise UsageError(f"the seed is a whole number from 0 on, found {seed!r}")
