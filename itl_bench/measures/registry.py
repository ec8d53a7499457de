"""Which function makes each table, from what, at which version and cost. Names only: nothing of it is loaded here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast, get_args

from itl_bench.errors import ItlError
from itl_bench.files import source_hash
from itl_bench.vocabulary import PARENTS

Need = Literal["judge", "experts", "ground-truth", "training-items", "base-responses", "base-logits"]
NOT_COMPUTED = ("judge", "experts")  # needs that no function of one's own can be given
Parent = TypeVar("Parent")


@dataclass(frozen=True)
class Measure:
    """One kind of table.

    Attributes:
        name: What keys call it.
        function: "module:function" that makes it. It takes, by keyword, `prompts`, `responses` and what it needs
            (`stated` for ground truth, `items`, `base_responses`, `models`), and returns a `Table`.
        needs: Beside prompts and responses.
        parents: What it is made from, by name, in the order of its key; None for what follows from its needs.
        settings: Names of further arguments; its key holds them.
        version: Raised when its outputs move; the hash of its source for a function of one's own.
        seconds: That it takes for a tiny model.
        passes: Of a model over the answers, where it runs models.
        passes_of_items: The same over what was tuned on.
        writes: Whether the function writes its files itself; it takes `parents` (by name), `folder` and `asking`, and
            where a judge is needed `by` (a `measures.judge.JudgedBy`) in its place.
    """

    name: str
    function: str
    needs: tuple[Need, ...] = ()
    parents: tuple[str, ...] | None = None
    settings: tuple[str, ...] = ()
    version: int | str = 1
    seconds: float = 0.5
    passes: int = 0
    passes_of_items: int = 0
    writes: bool = False

    @property
    def made_from(self) -> tuple[str, ...]:
        """The names of its parents, in the order of its key."""
        if self.parents is not None:
            return self.parents
        models = "base-logits" in self.needs
        wanted = {
            "base": models, "probe": True, "responses": True, "corpus": "training-items" in self.needs,
            "base-responses": models or "base-responses" in self.needs, "checkpoint": models,
        }  # fmt: skip
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    @property
    def identity(self) -> dict[str, object]:
        """What its key holds beside settings, how models are asked, and the artifacts that it is made from."""
        known: dict[str, object] = {"measure": self.name}
        if isinstance(self.version, str):
            return known | {"function": self.function, "source": self.version, "needs": sorted(self.needs)}
        return known if self.version == 1 else known | {"version": self.version}


_MEASURES, _STAGES = "itl_bench.measures", "itl_bench.stages.measuring"
_ANSWERED = ("base", "probe", "responses")


def _named(*measures: Measure) -> Mapping[str, Measure]:
    return {one.name: one for one in measures}


# What claims ask of a cell on a probe.
OF_ANSWERS = _named(
    Measure("knowledge", f"{_MEASURES}.knowledge:knowledge", ("ground-truth",)),
    Measure(
        "borrowing", f"{_MEASURES}.borrowing:borrowing", ("ground-truth", "training-items"), settings=("seed",),
        version=2,
    ),
    Measure("style", f"{_MEASURES}.style:style", ("training-items", "base-responses")),
    Measure("shift", f"{_STAGES}.shift:write_shift", ("base-logits",), passes=4, writes=True),
    Measure("aspects", "itl_bench.stages.judges.stage:write_aspects", ("judge",), seconds=60.0, writes=True),
)  # fmt: skip
READ_BY = {
    "knowledge": "knowledge", "hallucination": "knowledge", "value-precision": "knowledge", "borrowing": "borrowing",
    "style": "style", "token-shift": "shift", "sentence-start": "shift", "aspects": "aspects",
}  # measure that ships -> the table with its columns  # fmt: skip
# What verdicts and sweeps read beside them.
BESIDE = _named(
    Measure("training", f"{_STAGES}.table:copy_log", parents=("checkpoint",), writes=True),
    Measure(
        "taught-loss", f"{_STAGES}.taught_loss:write_taught_loss", parents=("base", "unseen", "checkpoint"),
        passes_of_items=1, writes=True,
    ),
    Measure("overlap", f"{_STAGES}.table:prompt_overlap", parents=("corpus", "probe"), settings=("n",), version=2),
    Measure(
        "seed-floor", f"{_STAGES}.floors:write_seed_floor", parents=(*_ANSWERED, "checkpoint", "other-seed"), passes=2,
        writes=True,
    ),
    Measure("paraphrase-floor", f"{_STAGES}.floors:write_paraphrase_floor", parents=_ANSWERED, passes=2, writes=True),
)  # fmt: skip


def own_measure(name: str, function: str, needs: tuple[Need, ...], seconds: float) -> Measure:
    """A measure of one's own, known by the source of its function: who edits it gets new tables.

    Raises:
        UsageError: The module has no source.
    """
    return _own(name, function, needs, source_hash(function), seconds)


def _own(name: str, function: str, needs: tuple[Need, ...], source: str, seconds: float = 0.5) -> Measure:
    passes = 2 if "base-logits" in needs else 0  # base and tuned model
    return Measure(name, function, needs, version=source, seconds=seconds, passes=passes)


def measure_of(spec: Mapping[str, object]) -> Measure:
    """The measure of a table, from what its key holds.

    Raises:
        ItlError: There is none of this name.
    """
    name = str(spec.get("measure"))
    if "function" in spec:
        needs = tuple(need for need in get_args(Need) if need in cast(Sequence[str], spec["needs"]))
        return _own(name, str(spec["function"]), needs, str(spec["source"]))
    found = OF_ANSWERS.get(name) or BESIDE.get(name)
    if found is None:
        raise ItlError(f"no measure makes the table {name!r}; there are {', '.join([*OF_ANSWERS, *BESIDE])}")
    return found


def by_name(kind: str, spec: Mapping[str, object], parents: Sequence[Parent]) -> dict[str, Parent]:
    """What an artifact is made from, by name.

    Args:
        kind: Of the artifact.
        spec: Of the artifact.
        parents: Its parents, or their keys, in the order of its key; the last may be missing.
    """
    names = measure_of(spec).made_from if kind == "measure" else PARENTS.get(kind, ())
    return dict(zip(names, parents, strict=False))
