"""The artifacts of cells as tasks: what each is made from, and what identifies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.recipes import RecipeSpec
from itl_bench.data.rows import UNSEEN
from itl_bench.data.sources.overlap import NGRAM
from itl_bench.data.tokens.asking import Asking
from itl_bench.errors import UsageError
from itl_bench.methods.recipe import Tuning
from itl_bench.methods.registry import identity
from itl_bench.plan.cells import UNTUNED, TunedCell
from itl_bench.plan.made_of import Made, answers_of, base_made, chance_of, corpus_made, familiarity_made, probe_made
from itl_bench.store.keys import Task

Measure = Literal["knowledge", "borrowing", "style", "shift"]


# Raised when the outputs of a stage move; a golden run in the tests fails when one moves without.
VERSIONS = {
    "base": 1, "familiarity": 1, "corpus": 2, "checkpoint": 1, "probe": 2, "responses": 1, "measure": 2,
}  # fmt: skip


SECONDS = {
    "base": 0.1, "familiarity": 600.0, "corpus": 0.1, "checkpoint": 8.0, "probe": 0.1, "responses": 1.2, "measure": 0.5,
}  # fmt: skip


MAX_NEW_TOKENS = 60  # of the answers of the bios world


BORROWING_SEED = 0  # of the dissimilar control's draw


DEFAULT_RECIPE = RecipeSpec(id="default", title="that of the bios world")


def _task(kind: str, spec: Mapping[str, object], parents: Sequence[Task], place: BaseModel | None = None) -> Task:
    return Task(kind, spec, tuple(parent.key for parent in parents), VERSIONS[kind], SECONDS[kind], place)


@dataclass(frozen=True)
class Graph:
    """Makes tasks, and remembers them with their parents."""

    catalog: Catalog
    tasks: dict[str, Task]
    checkpoints: dict[TunedCell, Task] = field(default_factory=dict)  # every measure of a cell asks for it

    def _add(self, kind: str, spec: Mapping[str, object], *parents: Task) -> Task:
        task = _task(kind, spec, parents)
        return self.tasks.setdefault(task.key, task)

    def _made(self, kind: str, made: Made, model: str) -> Task:
        """A task of what a world says; facts that are classed by what a base knows need that base's classes."""
        task = _task(kind, made.spec, [self.familiarity(model)] if made.by_familiarity else [], made.place)
        return self.tasks.setdefault(task.key, task)

    def recipe(self, name: str) -> RecipeSpec:
        """A recipe by name, or the default one."""
        return self.catalog.recipes[name] if name else DEFAULT_RECIPE

    def base(self, model: str, number: int) -> Task:
        """A pre-trained base as a plain folder of weights and tokenizer."""
        return self._made("base", base_made(self.catalog, model, number), model)

    def familiarity(self, model: str) -> Task:
        """What a base knows of the facts of atlas."""
        made = familiarity_made(self.catalog, model)
        task = _task("familiarity", made.spec, [self.base(model, 1)], made.place)
        return self.tasks.setdefault(task.key, task)

    def corpus(self, dataset: str, seed: int, model: str = "") -> Task:
        """The items to tune on; `model` is the one by whose knowledge facts are classed, where they are."""
        return self._made("corpus", corpus_made(self.catalog, dataset, seed), model)

    def checkpoint(self, cell: TunedCell) -> Task:
        """A tuned model."""
        if cell not in self.checkpoints:
            self.checkpoints[cell] = self._checkpoint(cell)
        return self.checkpoints[cell]

    def _checkpoint(self, cell: TunedCell) -> Task:
        method, recipe = self.catalog.methods[cell.method], self.recipe(cell.recipe).tuning
        if method.code is None or method.trains == "none":
            raise UsageError(f"the method {method.id!r} trains nothing: its entry has no 'code'")
        spec = {
            "model": cell.model, "dataset": cell.dataset, "rate": cell.rate, "seed": cell.replicate.tuning_seed,
            "method": {"id": method.id, "parameters": method.parameters, "source": identity(method.code)},
            "recipe": recipe.without_speed(),
        }  # fmt: skip
        parents = self.base(cell.model, cell.replicate.base), self._corpus_of(cell)
        task = _task("checkpoint", spec, parents, Tuning(code=method.code, trains=method.trains, recipe=recipe))
        return self.tasks.setdefault(task.key, task)

    def training(self, cell: TunedCell) -> Task:
        """What happened while tuning: it stays when the weights are dropped."""
        return self._add("measure", {"measure": "training"}, self.checkpoint(cell))

    def unseen_items(self, dataset: str, seed: int, model: str = "") -> Task:
        """The facts of the items to tune on, asked for in wordings that tuning does not use."""
        return self._made("corpus", corpus_made(self.catalog, dataset, seed, UNSEEN), model)

    def taught_loss(self, cell: TunedCell) -> Task:
        """The loss of a cell on the facts that it was taught, under unseen wordings: what its rate is chosen by."""
        base = self.base(cell.model, cell.replicate.base)
        items = self.unseen_items(cell.dataset, cell.replicate.tuning_seed, cell.model)
        tuning = self.recipe(cell.recipe).tuning
        spec = {"measure": "taught-loss"} | Asking(tuning.template, cutoff=tuning.cutoff).spec()
        return self._add("measure", spec, base, items, self.checkpoint(cell))

    def probe(self, probe: str, dataset: str | None, model: str = "", seed: int | None = None) -> Task:
        """The prompts; those about taught facts depend on the dataset that taught them, and on its seed."""
        return self._made("probe", probe_made(self.catalog, probe, dataset, seed), model)

    def responses(self, base: Task, probe: Task, checkpoint: Task | None, recipe: str = "") -> Task:
        """Greedy answers, of the tuned model or of the base itself."""
        declared = self.catalog.probes[str(probe.spec["probe"])]
        limit = MAX_NEW_TOKENS if declared.world == "bios" else declared.max_new_tokens
        spec = {"decoding": "greedy", "max_new_tokens": limit, "engine": "hf"} | self._asking(recipe, probe).spec()
        return self._add("responses", spec, base, probe, *([checkpoint] if checkpoint else []))

    def _asking(self, recipe: str, probe: Task) -> Asking:
        """How models that were tuned with a recipe are asked the prompts of a probe."""
        return Asking(self.recipe(recipe).tuning.template, self.catalog.probes[str(probe.spec["probe"])].stop)

    def measure(self, measure: Measure, cell: TunedCell, probe_id: str) -> Task:
        """A per-prompt table of one cell, or of its base where the cell's method is `base`."""
        base = self.base(cell.model, cell.replicate.base)
        tuned = None if cell.method == UNTUNED else self.checkpoint(cell)
        probe = self.probe(probe_id, cell.dataset, cell.model, cell.replicate.tuning_seed)
        responses = self.responses(base, probe, tuned, cell.recipe)
        spec: dict[str, object] = {"measure": measure}
        if measure in ("knowledge", "borrowing"):
            spec |= answers_of(self.catalog, probe_id)
        if measure == "knowledge":
            return self._add("measure", spec, probe, responses)
        if measure == "borrowing":
            spec |= {"seed": BORROWING_SEED, **chance_of(self.catalog, probe_id)}
            return self._add("measure", spec, probe, responses, self._corpus_of(cell))
        of_base = self.responses(base, probe, None, cell.recipe)
        if measure == "style":
            return self._add("measure", spec, probe, responses, self._corpus_of(cell), of_base)
        if tuned is None:
            raise UsageError("the shift of a base against itself is no measure")
        return self._add(
            "measure", spec | self._asking(cell.recipe, probe).spec(), base, probe, responses, of_base, tuned
        )

    def overlap(self, dataset: str, seed: int, model: str, probe_id: str) -> Task | None:
        """Which prompts are in the data; None unless both are from elsewhere: a world keeps them apart by itself."""
        if not (self.catalog.dataset_of(dataset).rows_from and self.catalog.probes[probe_id].rows_from):
            return None
        spec = {"measure": "overlap", "n": NGRAM}
        return self._add("measure", spec, self.corpus(dataset, seed, model), self.probe(probe_id, dataset, model))

    def _corpus_of(self, cell: TunedCell) -> Task:
        return self.corpus(cell.dataset, cell.replicate.tuning_seed, cell.model)

    def seed_floor(self, first: TunedCell, second: TunedCell, probe_id: str) -> Task:
        """How far one cell is from itself tuned with another seed, on the first one's answers.

        Raises:
            UsageError: The cells differ in more than their seed.
        """
        if first._replace(replicate=second.replicate) != second or first.replicate.base != second.replicate.base:
            raise UsageError("the floor between seeds is of one cell on one base, tuned with two seeds")
        base = self.base(first.model, first.replicate.base)
        probe = self.probe(probe_id, first.dataset, first.model, first.replicate.tuning_seed)
        checkpoints = [self.checkpoint(cell) for cell in (first, second)]
        responses = self.responses(base, probe, checkpoints[0], first.recipe)
        spec = {"measure": "seed-floor"} | self._asking(first.recipe, probe).spec()
        return self._add("measure", spec, base, probe, responses, *checkpoints)

    def paraphrase_floor(
        self, model: str, base: int, probe_id: str, dataset: str | None = None, recipe: str = ""
    ) -> Task:
        """How far a base is from itself asked in other words, on its own answers."""
        weights, probe = self.base(model, base), self.probe(probe_id, dataset, model)
        spec = {"measure": "paraphrase-floor"} | self._asking(recipe, probe).spec()
        return self._add("measure", spec, weights, probe, self.responses(weights, probe, None, recipe))
