"""The closed vocabularies of the project: every word here means one thing everywhere."""

from collections.abc import Mapping
from typing import Literal, get_args

Verdict = Literal["SUPPORTED", "REFUTED", "INCONCLUSIVE"]
Expectation = Literal["greater", "at-least", "no-gain", "no-change", "rising", "falling"]
Evidence = Literal["published", "measured", "expert"]
Level = Literal["published", "bios", "small", "paper"]
Arm = Literal["shared-rate", "fair"]
Role = Literal["evidence", "sanity"]
Basis = Literal["interval", "point", "text"]
Kind = Literal["base", "familiarity", "corpus", "checkpoint", "probe", "responses", "measure"]  # of artifacts
RecordedStatus = Literal["as-recorded", "drift", "changed", "new"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
EXPECTATIONS: tuple[Expectation, ...] = get_args(Expectation)
ARMS: tuple[Arm, ...] = get_args(Arm)
LEVELS: tuple[Level, ...] = get_args(Level)

CELL: Kind = "checkpoint"  # a tuned model
UNTUNED = "base"  # the method of a model that is not tuned; the artifact of this name holds its weights
# What artifacts are made from, by name and in the order of their keys; the last may be missing. Measures say their own.
PARENTS: Mapping[str, tuple[str, ...]] = {
    "familiarity": ("base",), "corpus": ("familiarity",), "probe": ("familiarity",),
    "checkpoint": ("base", "corpus"), "responses": ("base", "probe", "checkpoint"),
}  # fmt: skip

ALPHA = 0.05  # error rate of every verdict, and of Holm's correction over a family
FEWEST_REPLICATES = 5  # of a cell, behind a verdict on what was measured
ALL_MODELS = "all-models"  # stands in place of a model where a case pools all of them
