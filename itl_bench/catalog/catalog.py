"""Everything that is declared, and its identity."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import ClaimSpec, MechanismSpec
from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.judges import NOTHING_PAID, JudgeSpec, Judging
from itl_bench.catalog.measures import MeasureSpec
from itl_bench.catalog.methods import MethodSpec
from itl_bench.catalog.models import ModelSpec
from itl_bench.catalog.probes import ProbeSpec
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.catalog.published import Tables
from itl_bench.catalog.rates import ChosenRate
from itl_bench.catalog.recipes import RecipeSpec
from itl_bench.catalog.serving import AS_DECLARED, Serving
from itl_bench.specs import Spec


@dataclass(frozen=True)
class Catalog:
    """Everything that is declared, by id; datasets by name (a name has one id per size)."""

    models: Mapping[str, ModelSpec]
    datasets: Mapping[str, DatasetSpec]
    methods: Mapping[str, MethodSpec]
    probes: Mapping[str, ProbeSpec]
    measures: Mapping[str, MeasureSpec]
    judges: Mapping[str, JudgeSpec]
    profiles: Mapping[str, ProfileSpec]
    mechanisms: Mapping[str, MechanismSpec]
    recipes: Mapping[str, RecipeSpec]
    cells: Mapping[str, CellTable]
    rates: Mapping[str, ChosenRate]
    claims: Mapping[str, ClaimSpec]
    tables: Tables
    sources: Mapping[tuple[str, str], str]  # (kind of spec, id) -> file, for messages
    sha256: str
    own_claims: frozenset[str] = frozenset()  # of a user's folder: no test of the benchmark names them
    own_datasets: frozenset[str] = frozenset()  # names, of a user's folder
    serving: Serving = AS_DECLARED  # what a run decides of how cases are answered
    judging: Judging = NOTHING_PAID  # and of who scores the answers

    def leaving(self, left: Mapping[str, str]) -> "Catalog":
        """The same, with cases (ids -> why) left to transformers beside those that are."""
        more = {**self.serving.left, **left}
        return replace(self, serving=self.serving.model_copy(update={"left": more})) if left else self

    @property
    def judge(self) -> JudgeSpec:
        """The judge that the run asks."""
        return self.judges[self.judging.judge or next(iter(self.judges))]

    def source(self, spec: Spec) -> str:
        """The file that declares a spec."""
        return self.sources[identity_of(spec)]

    @property
    def dataset_rows(self) -> dict[str, int]:
        """Dataset id -> rows."""
        return {key: rows for spec in self.datasets.values() for key, rows in spec.variants.items()}

    def dataset_of(self, dataset_id: str) -> DatasetSpec:
        """The dataset spec that declares a dataset id."""
        return next(spec for spec in self.datasets.values() if dataset_id in spec.variants)


def identity_of(spec: Spec) -> tuple[str, str]:
    """Kind and id: a model and a method may share a name."""
    return type(spec).__name__, str(getattr(spec, "id", None) or getattr(spec, "name", ""))
