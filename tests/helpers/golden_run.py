"""What every stage puts out for a tiny world; `python -m tests.helpers.golden_run` writes tests/golden/stages.json.

Weights are drawn with numpy and answers are planted, so that nothing here depends on the outcome of a long computation:
texts and tables of counts are compared exactly, what a model computes to three digits.
"""

import hashlib
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import numpy as np
import torch

from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.few_shots import FewShot
from itl_bench.data.atlas.items import AtlasSpec, atlas_items
from itl_bench.data.atlas.probes import atlas_prompts
from itl_bench.data.bios import shipped
from itl_bench.data.bios.shipped import MANIFEST, Bases, Recipe, ShippedBase, shipped_bases
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.bios.world import build_world
from itl_bench.data.rows import UNSEEN, Prompt, Response, read_lines, read_table, write_lines
from itl_bench.data.tokens.template import prompt_ids
from itl_bench.files import sha256
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import VERSIONS, Graph
from itl_bench.stages.builders import builders
from itl_bench.stages.familiarity.scoring import score
from itl_bench.stages.familiarity.stage import SEED, all_prompts, fingerprint
from itl_bench.stages.loading import load_tokenizer
from itl_bench.stages.training.bases import new_model
from itl_bench.store.artifact import ITEMS, PROMPTS, RESPONSES, TABLE, TRAINING
from itl_bench.store.keys import Task
from tests.helpers.tiny import ROWS, WORLD, be_quick, tiny_catalog
from tests.helpers.tiny_reader import letters_tokenizer, llama

GOLDEN = Path(__file__).parents[1] / "golden" / "stages.json"
WRITE = "python -m tests.helpers.golden_run"
TOLERANCE = 2e-3  # relative, of what a model computes
DATASET = "bios-new30-short"
STYLES = ("short", "long", "simple", "padded")
PROBES = ("bios-known", "bios-taught", "bios-skill")
ATLAS_STYLES = ("short", "long", "simple")
ATLAS_PROBES = ("atlas-known", "atlas-highly-known", "atlas-maybe-known", "atlas-taught", "atlas-unknown")
ORDER = ("highly-known", "maybe-known", "unknown")  # classes that facts get in turn
CLASSES = {fact.id: ORDER[place % len(ORDER)] for place, fact in enumerate(load_atlas().facts)}
SHOWN = 6  # prompts whose answers are kept token by token
RECIPE = Recipe(seed=1, width=32, inner_width=48, layers=1, heads=2)


def write() -> None:
    """Write the golden file."""
    found = {kind: {"version": VERSIONS[kind], "outputs": made} for kind, made in outputs().items()}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def what_moved(golden: Mapping[str, dict], versions: Mapping[str, int], found: Mapping[str, object]) -> list[str]:
    """One line for every kind of artifact whose outputs or version are not those of the golden file."""
    lines = []
    for kind, version in versions.items():
        if kind not in golden or golden[kind]["version"] != version:
            lines.append(f"version of {kind} was raised: write the golden file again, {WRITE}")
        elif not same(golden[kind]["outputs"], found[kind]):
            lines.append(f"outputs of {kind} moved: raise VERSIONS[{kind!r}] in plan/graph.py, then {WRITE}")
    return lines


def same(one: object, other: object) -> bool:
    """Equal, floats to about three digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE)
    return one == other


def outputs() -> dict[str, object]:
    """By kind of artifact, digests and numbers of what its stage puts out."""
    be_quick()
    people = json.dumps([vars(one) for one in build_world(shipped_bases().world).people])
    with tempfile.TemporaryDirectory() as scratch, random_base(Path(scratch)) as source:
        run = Run(Path(scratch) / "run")
        world = {"people of the shipped world": hashlib.sha256(people.encode()).hexdigest()}
        base = run.folder(run.base)
        return {
            "base": {"copied": sorted(one.name for one in base.iterdir() if sha256(one) == sha256(source / one.name))},
            "familiarity": asked_and_scored(),
            "corpus": world
            | {name: sha256(run.folder(task) / ITEMS) for name, task in corpora().items()}
            | {
                f"atlas, {style}": digest(atlas_items(load_atlas(), CLASSES, facts(style), 3)) for style in ATLAS_STYLES
            },
            "probe": {name: sha256(run.folder(run.graph.probe(name, DATASET)) / PROMPTS) for name in PROBES}
            | {name: digest(atlas_prompts(load_atlas(), CLASSES, name, facts("short"), 3)) for name in ATLAS_PROBES},
            "checkpoint": {method: run.losses(method) for method in ("full", "full-neftune", "lora")},
            "responses": run.first_answers(),
            "measure": run.counted() | run.compared(),
        }


def asked_and_scored() -> dict[str, object]:
    """The prompts about all facts, and how a tiny random model scores a few answers."""
    prompts = [prompt for of_fact in all_prompts(load_atlas(), SEED).values() for prompt in of_fact]
    tokenizer = letters_tokenizer()
    few = [FewShot("1", "a: b\n", "ab:", ("bb", "c")), FewShot("2", "a: b\n", "c:", ("abc",))]
    scored = score(llama(len(tokenizer)), tokenizer, few, lambda prompt, text: False)
    return {"prompts": fingerprint(prompts), "sampled": [one.sampled for one in scored]}


def digest(lines) -> str:
    """Of lines as they are written."""
    return hashlib.sha256("".join(line.model_dump_json() for line in lines).encode()).hexdigest()


def facts(style: str) -> AtlasSpec:
    """A small dataset of atlas."""
    return AtlasSpec(unknown_percent=30, style=style, rows=ROWS)


def corpora() -> dict[str, Task]:
    """Items of every style, and of one in wordings that tuning does not use, in the order of one seed."""
    return {style: corpus(style) for style in STYLES} | {f"short, {UNSEEN}": corpus("short", wordings=UNSEEN)}


def corpus(style: str, **more: str) -> Task:
    """Items of one style."""
    items = {"new_percent": 30, "style": style, "rows": ROWS}
    return Task("corpus", {"items": items, "world": WORLD, "seed": 3, **more}, version=VERSIONS["corpus"])


@contextmanager
def random_base(scratch: Path) -> Iterator[Path]:
    """A base with weights that numpy draws, in the place of those that ship."""
    folder = scratch / "base-1"
    tokenizer = make_tokenizer(build_world(WORLD))
    model, draw = new_model(RECIPE, len(tokenizer)), np.random.default_rng(7)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if weight.ndim > 1:
                spread = 0.3 if "embed" in name else 0.25
                weight.copy_(torch.from_numpy(spread * draw.standard_normal(tuple(weight.shape))))
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    files = {path.name: sha256(path) for path in folder.iterdir() if path.name != "generation_config.json"}
    base = ShippedBase(number=1, recipe=RECIPE, files=files, recall={}, familiarity={}, passed=False, made_with={})
    (scratch / MANIFEST).write_text(Bases(world=WORLD, bases=(base,)).model_dump_json(), encoding="utf-8")
    before, shipped.FOLDER = shipped.FOLDER, scratch
    shipped_bases.cache_clear()
    try:
        yield folder
    finally:
        shipped.FOLDER = before
        shipped_bases.cache_clear()


class Run:
    """Builds artifacts as folders, each once."""

    def __init__(self, root: Path) -> None:
        self.root, self.graph, self.builders = root, Graph(tiny_catalog(), {}), builders()
        self.base, self.probe = self.graph.base("bios1m", 1), self.graph.probe("bios-known", DATASET)

    def folder(self, task: Task) -> Path:
        """The folder of an artifact, built where it is missing."""
        folder = self.root / task.key
        if not folder.exists():
            parents = [SimpleNamespace(folder=self.folder(self.graph.tasks[key])) for key in task.parents]
            folder.mkdir(parents=True)
            self.builders[task.kind](task, parents, folder)
        return folder

    def cell(self, method: str, seed: int = 1) -> TunedCell:
        """A cell of the golden run."""
        return TunedCell("bios1m", DATASET, method, 0.01, Replicate(1, seed))

    def losses(self, method: str) -> list[float]:
        """Training losses by step."""
        log = self.folder(self.graph.checkpoint(self.cell(method))) / TRAINING
        return [float(f"{loss:.4g}") for loss in json.loads(log.read_text(encoding="utf-8"))["losses"]]

    def first_answers(self) -> list[list[int]]:
        """Token ids of the base's own answers."""
        path = self.folder(self.graph.responses(self.base, self.probe, None)) / RESPONSES
        return [list(one.response_ids) for one in read_lines(path, Response)[:SHOWN]]

    def counted(self) -> dict[str, object]:
        """Digests of measures that only count."""
        self.plant(None, 0)
        self.plant("lora", 1)
        found = {}
        for measure in ("knowledge", "borrowing", "style"):
            table = read_table(
                self.folder(self.graph.measure(OF_ANSWERS[measure], self.cell("lora"), "bios-known")) / TABLE
            )
            rows = {name: [rounded(value) for value in values] for name, values in table.columns.items()}
            facts = {name: rounded(value) for name, value in table.facts.items()}
            text = json.dumps([table.prompts, table.units, rows, facts], sort_keys=True)
            found[measure] = hashlib.sha256(text.encode()).hexdigest()
        return found

    def compared(self) -> dict[str, object]:
        """Means of divergences on planted answers, and of losses, in nats."""
        tasks = {
            "shift": self.graph.measure(OF_ANSWERS["shift"], self.cell("lora"), "bios-known"),
            "seed-floor": self.graph.seed_floor(self.cell("lora"), self.cell("lora", 2), "bios-known"),
            "paraphrase-floor": self.graph.paraphrase_floor("bios1m", 1, "bios-known"),
            "taught-loss": self.graph.taught_loss(self.cell("lora")),
        }
        found = {}
        for name, task in tasks.items():
            columns = read_table(self.folder(task) / TABLE).columns
            for column in sorted({"kl", "reverse_kl", "first", "rest", "reference_kl", "loss"} & set(columns)):
                known = [value for value in columns[column] if value is not None]
                found[f"{name} {column}"] = float(f"{fmean(known):.4g}")
        return found

    def plant(self, method: str | None, offset: int) -> None:
        """Put answers in the place of a model's: right ones, other people's values, no value, nothing at all."""
        checkpoint = self.graph.checkpoint(self.cell(method)) if method else None
        folder = self.root / self.graph.responses(self.base, self.probe, checkpoint).key
        tokenizer = load_tokenizer(self.folder(self.base))
        prompts = read_lines(self.folder(self.probe) / PROMPTS, Prompt)
        lines = []
        for number, prompt in enumerate(prompts):
            other = prompts[(number + 6) % len(prompts)].fact
            said = (prompt.fact.value, other.value, "known", None)[(number + number // 6 + offset) % 4]
            text = f"Certainly! The {prompt.fact.attribute.replace('-', ' ')} is {said}." if said else ""
            ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
            asked = prompt_ids(tokenizer, prompt.instruction)
            lines.append(Response(prompt=prompt.id, prompt_ids=asked, response_ids=tuple(ids), text=text))
        folder.mkdir(parents=True, exist_ok=True)
        write_lines(folder / RESPONSES, lines)


def rounded(value: float | None) -> float | None:
    """To nine digits: the last bits may differ between versions of numpy."""
    return None if value is None else round(value, 9)


if __name__ == "__main__":
    write()
