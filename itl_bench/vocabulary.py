"""The closed vocabularies of the project: every word here means one thing everywhere."""

from collections.abc import Mapping
from typing import Literal, get_args

Verdict = Literal["SUPPORTED", "REFUTED", "INCONCLUSIVE"]
Expectation = Literal["greater", "at-least", "no-gain", "no-change", "rising", "falling"]
Evidence = Literal["published", "measured", "expert"]
Level = Literal["published", "bios", "small", "paper"]
# What both sides share: a learning rate (the paper's design), nothing (each its own best rate), a training loss, or the
# share of new facts that they learned.
Arm = Literal["shared-rate", "fair", "equal-loss", "equal-learning"]
ReadOn = Literal["own", "common"]  # whose answers a token shift is read on: the tuned model's, or its base's
Along = Literal["rates", "updates"]  # where both sides learned as much: at some learning rate, or some way into one run
Learning = Literal["equal", "unequal", "unknown", "not defined"]  # whether both sides learned as much
Role = Literal["evidence", "sanity"]
Basis = Literal["interval", "point", "text", "scripted"]  # the last: scores that were planted, no evidence
Kind = Literal["base", "familiarity", "corpus", "checkpoint", "probe", "responses", "measure"]  # of artifacts
RecordedStatus = Literal["as-recorded", "drift", "changed", "new"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
EXPECTATIONS: tuple[Expectation, ...] = get_args(Expectation)
ARMS: tuple[Arm, ...] = get_args(Arm)
EQUAL_ARMS: tuple[Arm, ...] = ("equal-loss", "equal-learning")
TEXTS: tuple[ReadOn, ...] = get_args(ReadOn)
LEVELS: tuple[Level, ...] = get_args(Level)

CELL: Kind = "checkpoint"  # a tuned model
UNTUNED = "base"  # the method of a model that is not tuned; the artifact of this name holds its weights
IN_CONTEXT = "in-context"  # the same model, shown worked examples before every question
NOT_TUNED = (UNTUNED, IN_CONTEXT)
# What artifacts are made from, by name and in the order of their keys; the last may be missing. Measures say their own.
PARENTS: Mapping[str, tuple[str, ...]] = {
    "familiarity": ("base",), "corpus": ("familiarity",), "probe": ("familiarity",),
    "checkpoint": ("base", "corpus"), "responses": ("base", "probe", "checkpoint"),
}  # fmt: skip

ALPHA = 0.05  # error rate of every verdict, and of Holm's correction over a family
FEWEST_REPLICATES = 5  # of a cell, behind a verdict on what was measured
ALL_MODELS = "all-models"  # stands in place of a model where a case pools all of them
