"""The artifacts of the bios world as tasks: what each is made from, and what identifies it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from itl_bench.catalog import Catalog
from itl_bench.comparison import Replicate
from itl_bench.data.bios.shipped import shipped_bases
from itl_bench.data.bios.tuning_items import TuningSpec
from itl_bench.errors import UsageError
from itl_bench.keys import Task
from itl_bench.methods.registry import source_hash
from itl_bench.training.recipe import TuningRecipe

Measure = Literal["knowledge", "borrowing", "style", "shift"]

# Raised when the outputs of a stage move; a golden run in the tests fails when one moves without.
VERSIONS = {"base": 1, "corpus": 2, "checkpoint": 1, "probe": 2, "responses": 1, "measure": 2}
SECONDS = {"base": 0.1, "corpus": 0.1, "checkpoint": 8.0, "probe": 0.1, "responses": 1.2, "measure": 0.5}
UNTUNED = "base"  # the method of a model that is not tuned
UNSEEN = "unseen"  # wordings that tuning does not use
MAX_NEW_TOKENS = 60
BORROWING_SEED = 0  # of the dissimilar control's draw


class TunedCell(NamedTuple):
    """One tuned model."""

    model: str
    dataset: str
    method: str
    rate: float
    replicate: Replicate


def _task(kind: str, spec: Mapping[str, object], *parents: Task) -> Task:
    return Task(kind, spec, tuple(parent.key for parent in parents), VERSIONS[kind], SECONDS[kind])


@dataclass(frozen=True)
class Graph:
    """Makes tasks, and remembers them with their parents."""

    catalog: Catalog
    tasks: dict[str, Task]

    def _add(self, kind: str, spec: Mapping[str, object], *parents: Task) -> Task:
        task = _task(kind, spec, *parents)
        return self.tasks.setdefault(task.key, task)

    def base(self, model: str, number: int) -> Task:
        """A pre-trained base as a plain folder of weights."""
        files = shipped_bases().base(number).files
        return self._add("base", {"model": model, "number": number, "files": files})

    def corpus(self, dataset: str, seed: int) -> Task:
        """The items to tune on."""
        items = tuning_spec(dataset, self.catalog)
        return self._add("corpus", {"dataset": dataset, "items": items, "world": shipped_bases().world, "seed": seed})

    def checkpoint(self, cell: TunedCell) -> Task:
        """A tuned model."""
        method = self.catalog.methods[cell.method]
        spec = {
            "model": cell.model, "dataset": cell.dataset, "rate": cell.rate, "seed": cell.replicate.tuning_seed,
            "method": {"id": method.id, "parameters": method.parameters, "source": source_hash(method.id)},
            "recipe": TuningRecipe(),
        }  # fmt: skip
        corpus = self.corpus(cell.dataset, cell.replicate.tuning_seed)
        return self._add("checkpoint", spec, self.base(cell.model, cell.replicate.base), corpus)

    def training(self, cell: TunedCell) -> Task:
        """What happened while tuning: it stays when the weights are dropped."""
        return self._add("measure", {"measure": "training"}, self.checkpoint(cell))

    def unseen_items(self, dataset: str, seed: int) -> Task:
        """The facts of the items to tune on, asked for in wordings that tuning does not use."""
        items, world = tuning_spec(dataset, self.catalog), shipped_bases().world
        spec = {"dataset": dataset, "items": items, "world": world, "seed": seed, "wordings": UNSEEN}
        return self._add("corpus", spec)

    def taught_loss(self, cell: TunedCell) -> Task:
        """The loss of a cell on the facts that it was taught, under unseen wordings: what its rate is chosen by."""
        base = self.base(cell.model, cell.replicate.base)
        items = self.unseen_items(cell.dataset, cell.replicate.tuning_seed)
        return self._add("measure", {"measure": "taught-loss"}, base, items, self.checkpoint(cell))

    def probe(self, probe: str, dataset: str | None) -> Task:
        """The prompts; those about taught facts depend on the dataset that taught them."""
        taught = tuning_spec(dataset, self.catalog) if dataset and probe == "bios-taught" else None
        return self._add("probe", {"probe": probe, "world": shipped_bases().world, "taught": taught})

    def responses(self, base: Task, probe: Task, checkpoint: Task | None) -> Task:
        """Greedy answers, of the tuned model or of the base itself."""
        spec = {"decoding": "greedy", "max_new_tokens": MAX_NEW_TOKENS, "engine": "hf"}
        return self._add("responses", spec, base, probe, *([checkpoint] if checkpoint else []))

    def measure(self, measure: Measure, cell: TunedCell, probe_id: str) -> Task:
        """A per-prompt table of one cell, or of its base where the cell's method is `base`."""
        base = self.base(cell.model, cell.replicate.base)
        tuned = None if cell.method == UNTUNED else self.checkpoint(cell)
        probe = self.probe(probe_id, cell.dataset)
        responses = self.responses(base, probe, tuned)
        spec: dict[str, object] = {"measure": measure}
        if measure == "knowledge":
            return self._add("measure", spec, probe, responses)
        if measure == "borrowing":
            spec["seed"] = BORROWING_SEED
            return self._add("measure", spec, probe, responses, self.corpus(cell.dataset, cell.replicate.tuning_seed))
        of_base = self.responses(base, probe, None)
        if measure == "style":
            corpus = self.corpus(cell.dataset, cell.replicate.tuning_seed)
            return self._add("measure", spec, probe, responses, corpus, of_base)
        if tuned is None:
            raise UsageError("the shift of a base against itself is no measure")
        return self._add("measure", spec, base, probe, responses, of_base, tuned)

    def seed_floor(self, first: TunedCell, second: TunedCell, probe_id: str) -> Task:
        """How far one cell is from itself tuned with another seed, on the first one's answers.

        Raises:
            UsageError: The cells differ in more than their seed.
        """
        if first._replace(replicate=second.replicate) != second or first.replicate.base != second.replicate.base:
            raise UsageError("the floor between seeds is of one cell on one base, tuned with two seeds")
        base, probe = self.base(first.model, first.replicate.base), self.probe(probe_id, first.dataset)
        checkpoints = [self.checkpoint(cell) for cell in (first, second)]
        responses = self.responses(base, probe, checkpoints[0])
        return self._add("measure", {"measure": "seed-floor"}, base, probe, responses, *checkpoints)

    def paraphrase_floor(self, model: str, base: int, probe_id: str, dataset: str | None = None) -> Task:
        """How far a base is from itself asked in other words, on its own answers."""
        weights, probe = self.base(model, base), self.probe(probe_id, dataset)
        spec = {"measure": "paraphrase-floor"}
        return self._add("measure", spec, weights, probe, self.responses(weights, probe, None))


def tuning_spec(dataset: str, catalog: Catalog) -> TuningSpec:
    """What a dataset of the bios world is made of."""
    declared = catalog.dataset_of(dataset)
    if declared.bios is None:
        raise UsageError(f"dataset {dataset!r} is none of the bios world")
    rows = catalog.dataset_rows[dataset]
    return TuningSpec(new_percent=declared.bios.new_percent, style=declared.bios.style, rows=rows)
