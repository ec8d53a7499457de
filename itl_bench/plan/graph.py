"""The artifacts of cells as tasks: what each is made from, and what identifies it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.recipes import RecipeSpec
from itl_bench.catalog.serving import TRANSFORMERS, Answering
from itl_bench.data.rows import UNSEEN
from itl_bench.data.sources.overlap import NGRAM
from itl_bench.data.tokens.asking import Asking
from itl_bench.data.tokens.rendering import DAY
from itl_bench.errors import UsageError
from itl_bench.machine.vllm import Served
from itl_bench.measures.judge import JudgedBy
from itl_bench.measures.registry import BESIDE, Measure, by_name
from itl_bench.measures.rubric import load_rubric
from itl_bench.methods.recipe import Tuning
from itl_bench.methods.registry import check_parameters, identity
from itl_bench.plan.cells import TunedCell
from itl_bench.plan.made_of import Made, answers_of, base_made, corpus_made, drawn_in, familiarity_made, probe_made
from itl_bench.store.keys import Task, canonical
from itl_bench.vocabulary import IN_CONTEXT, NOT_TUNED, Kind

# Raised when the outputs of a stage move; a golden run in the tests fails when one moves without.
VERSIONS: Mapping[Kind, int] = {
    "base": 1, "familiarity": 1, "corpus": 2, "checkpoint": 1, "probe": 2, "responses": 1, "measure": 2,
}  # fmt: skip
SECONDS: Mapping[Kind, float] = {
    "base": 0.1, "familiarity": 600.0, "corpus": 0.1, "checkpoint": 8.0, "probe": 0.1, "responses": 1.2,
}  # fmt: skip
MAX_NEW_TOKENS = 60  # of the answers of the bios world
RUBRIC = "aspects-1"  # of scores by aspect
BORROWING_SEED = 0  # of the dissimilar control's draw
DEFAULT_RECIPE = RecipeSpec(id="default", title="that of the bios world")


@dataclass(frozen=True)
class Graph:
    """Makes tasks, and remembers them with their parents."""

    catalog: Catalog
    tasks: dict[str, Task] = field(default_factory=dict)
    checkpoints: dict[TunedCell, Task] = field(default_factory=dict)  # every measure of a cell asks for it

    def _add(
        self, kind: Kind, spec: Mapping[str, object], *parents: Task, place: BaseModel | None = None,
        seconds: float | None = None, group: str = "",
    ) -> Task:  # fmt: skip
        keys = tuple(parent.key for parent in parents)
        task = Task(kind, spec, keys, VERSIONS[kind], SECONDS[kind] if seconds is None else seconds, place, group)
        return self.tasks.setdefault(task.key, task)

    def _made(self, kind: Kind, made: Made, model: str) -> Task:
        """A task of what a world says; facts that are classed by what a base knows need that base's classes."""
        return self._add(kind, made.spec, *([self.familiarity(model)] if made.by_familiarity else []), place=made.place)

    def _table(
        self, measure: Measure, parents: Mapping[str, Task | None], more: Mapping[str, object],
        place: BaseModel | None = None,
    ) -> Task:  # fmt: skip
        """The table of a measure, made from those of the parents that it names."""
        made_from = [parent for name in measure.made_from if (parent := parents[name]) is not None]
        if len(made_from) < len(measure.made_from):  # the checkpoint of a base
            raise UsageError(f"the {measure.name} of a base against itself is no measure")
        return self._add("measure", {**measure.identity, **more}, *made_from, place=place, seconds=measure.seconds)

    def recipe(self, name: str) -> RecipeSpec:
        """A recipe by name, or the default one."""
        return self.catalog.recipes[name] if name else DEFAULT_RECIPE

    def base(self, model: str, number: int) -> Task:
        """A pre-trained base as a plain folder of weights and tokenizer."""
        return self._made("base", base_made(self.catalog, model, number), model)

    def familiarity(self, model: str) -> Task:
        """What a base knows of the facts of atlas."""
        made = familiarity_made(self.catalog, model)
        return self._add("familiarity", made.spec, self.base(model, 1), place=made.place)

    def corpus(self, dataset: str, seed: int, model: str = "") -> Task:
        """The items to tune on; `model` is the one by whose knowledge facts are classed, where they are."""
        return self._made("corpus", corpus_made(self.catalog, dataset, seed), model)

    def checkpoint(self, cell: TunedCell) -> Task:
        """A tuned model."""
        if cell not in self.checkpoints:
            self.checkpoints[cell] = self._checkpoint(cell)
        return self.checkpoints[cell]

    def _checkpoint(self, cell: TunedCell) -> Task:
        method = self.catalog.methods[cell.method]
        recipe = self.recipe(cell.recipe).tuning.stopped(cell.stopped_after)
        if method.code is None or method.trains == "none":
            raise UsageError(f"the method {method.id!r} trains nothing: its entry has no 'code'")
        try:
            check_parameters(method.code, method.parameters)
            source = identity(method.code, bool(self.catalog.models[cell.model].weights.shipped))
        except UsageError as error:
            raise UsageError(f"method {method.id}: {error}") from None
        spec = {
            "model": cell.model, "dataset": cell.dataset, "rate": cell.rate, "seed": cell.replicate.tuning_seed,
            "method": {"id": method.id, "parameters": method.parameters, "source": source},
            "recipe": recipe.without_speed(), **self._read_on(cell.model),
        }  # fmt: skip
        parents = self.base(cell.model, cell.replicate.base), self._corpus_of(cell)
        how = Tuning(code=method.code, trains=method.trains, recipe=recipe)
        return self._add("checkpoint", spec, *parents, place=how)

    def training(self, cell: TunedCell) -> Task:
        """What happened while tuning: it stays when the weights are dropped."""
        return self._table(BESIDE["training"], {"checkpoint": self.checkpoint(cell)}, {})

    def unseen_items(self, dataset: str, seed: int, model: str = "") -> Task:
        """The facts of the items to tune on, asked for in wordings that tuning does not use."""
        return self._made("corpus", corpus_made(self.catalog, dataset, seed, UNSEEN), model)

    def taught_loss(self, cell: TunedCell) -> Task:
        """The loss of a cell on the facts that it was taught, under unseen wordings: what its rate is chosen by."""
        base = self.base(cell.model, cell.replicate.base)
        items = self.unseen_items(cell.dataset, cell.replicate.tuning_seed, cell.model)
        tuning = self.recipe(cell.recipe).tuning
        parents = {"base": base, "unseen": items, "checkpoint": self.checkpoint(cell)}
        return self._table(BESIDE["taught-loss"], parents, Asking(tuning.template, cutoff=tuning.cutoff).spec())

    def probe(self, probe: str, dataset: str | None, model: str = "", seed: int | None = None) -> Task:
        """The prompts; those about taught facts depend on the dataset that taught them, and on its seed."""
        return self._made("probe", probe_made(self.catalog, probe, dataset, seed), model)

    def responses(
        self, base: Task, probe: Task, checkpoint: Task | None, recipe: str = "", answering: Answering = TRANSFORMERS,
        in_context: bool = False,
    ) -> Task:  # fmt: skip
        """Greedy answers, of the tuned model or of the base itself, which may be shown worked examples."""
        declared, model = self.catalog.probes[str(probe.spec["probe"])], str(base.spec["model"])
        limit = MAX_NEW_TOKENS if declared.world == "bios" else declared.max_new_tokens
        asking = self._asking(recipe, probe)
        asking = asking._replace(template="in-context") if in_context else asking
        spec = {"decoding": "greedy", "max_new_tokens": limit} | answering.spec() | asking.spec()
        spec |= self._read_on(model)
        served = Served(parameters=self.catalog.models[model].parameters, ceiling=self.recipe(recipe).ceiling)
        parents = base, probe, *([checkpoint] if checkpoint else [])
        together = canonical([base.key, answering.spec(), served.ceiling])
        return self._add("responses", spec, *parents, place=served, group=together)

    def _read_on(self, model: str) -> dict[str, object]:
        """The day that chat templates are told; cells on weights from packages are older than it, and tell none."""
        weights = self.catalog.models[model].weights
        return {} if weights.shipped or weights.package else {"day": DAY.isoformat()}

    def _asking(self, recipe: str, probe: Task) -> Asking:
        """How models that were tuned with a recipe are asked the prompts of a probe."""
        return Asking(self.recipe(recipe).tuning.template, self.catalog.probes[str(probe.spec["probe"])].stop)

    def measure(self, measure: Measure, cell: TunedCell, probe_id: str) -> Task:
        """A per-prompt table of one cell, or of its base where the method tunes nothing.

        Raises:
            UsageError: The measure compares a tuned model with its base, and the cell is the base.
        """
        base = self.base(cell.model, cell.replicate.base)
        tuned = None if cell.method in NOT_TUNED else self.checkpoint(cell)
        in_context = cell.method == IN_CONTEXT
        probe = self.probe(probe_id, cell.dataset, cell.model, cell.replicate.tuning_seed)
        parents: dict[str, Task | None] = {
            "base": base, "probe": probe, "checkpoint": tuned,
            "responses": self.responses(base, probe, tuned, cell.recipe, cell.answering, in_context),
        }  # fmt: skip
        if "corpus" in measure.made_from:
            parents["corpus"] = self._corpus_of(cell)
        if "base-responses" in measure.made_from:
            parents["base-responses"] = self.responses(base, probe, None, cell.recipe, cell.answering)
        place = self._judged_by() if "judge" in measure.needs else None
        return self._table(measure, parents, self._settings(measure, cell.recipe, probe), place)

    def _judged_by(self) -> JudgedBy:
        judge, own = self.catalog.judge.asked, self.catalog.judging
        return JudgedBy(judge=judge, rubric=RUBRIC, most=own.most, run=own.run, ledger=own.ledger)

    def _settings(self, measure: Measure, recipe: str, probe: Task) -> dict[str, object]:
        """What the key of a measure of answers holds of the probe and of how models are asked."""
        probe_id, settings = str(probe.spec["probe"]), dict[str, object]()
        if "ground-truth" in measure.needs:
            settings |= answers_of(self.catalog, probe_id)
        if "seed" in measure.settings:
            settings |= {"seed": BORROWING_SEED}
        if {"ground-truth", "training-items"} <= set(measure.needs):
            settings |= drawn_in(self.catalog, probe_id)
        if "judge" in measure.needs:
            rubric = load_rubric(RUBRIC)
            settings |= {"judge": self.catalog.judge.identity, "rubric": {"id": rubric.id, "sha256": rubric.hash}}
        if "base-logits" in measure.needs:
            settings |= self._asking(recipe, probe).spec()
        return settings

    def overlap(self, dataset: str, seed: int, model: str, probe_id: str) -> Task | None:
        """Which prompts are in the data; None unless both are from elsewhere: a world keeps them apart by itself."""
        if not (self.catalog.dataset_of(dataset).rows_from and self.catalog.probes[probe_id].rows_from):
            return None
        parents = {"corpus": self.corpus(dataset, seed, model), "probe": self.probe(probe_id, dataset, model)}
        return self._table(BESIDE["overlap"], parents, {"n": NGRAM})

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
        responses = self.responses(base, probe, checkpoints[0], first.recipe, first.answering)
        parents = {
            "base": base, "probe": probe, "responses": responses, "checkpoint": checkpoints[0],
            "other-seed": checkpoints[1],
        }  # fmt: skip
        return self._table(BESIDE["seed-floor"], parents, self._asking(first.recipe, probe).spec())

    def paraphrase_floor(
        self, model: str, base: int, probe_id: str, dataset: str | None = None, recipe: str = "",
        answering: Answering = TRANSFORMERS,
    ) -> Task:  # fmt: skip
        """How far a base is from itself asked in other words, on its own answers."""
        weights, probe = self.base(model, base), self.probe(probe_id, dataset, model)
        responses = self.responses(weights, probe, None, recipe, answering)
        parents = {"base": weights, "probe": probe, "responses": responses}
        return self._table(BESIDE["paraphrase-floor"], parents, self._asking(recipe, probe).spec())


def parents_of(task: Task) -> dict[str, str]:
    """The keys of what a task is made from, by name."""
    return by_name(task.kind, task.spec, task.parents)
