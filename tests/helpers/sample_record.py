"""Small made-up records for the tests of the reports."""

from itl_bench.record import CaseRecord, ClaimRecord, ColumnRecord, MechanismRecord, Record, RunRecord

ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")
STATEMENTS = {
    "C02": "Full-parameter tuning moves the token distributions of a model much more than LoRA does.",
    "C07": "More instruction data does not improve the answers of a model tuned with LoRA.",
    "C10a": "Tuned with LoRA, a model answers at least as well as tuned in full.",
    "C24": "Every improvement method beats plain full-parameter tuning on all five aspects of the judge's rubric.",
    "X01": "At each method's own best rate, LoRA and full-parameter tuning keep what the base knew equally well.",
}
SECTIONS = {"C02": "3; Figure 1", "C07": "3; Figure 2", "C10a": "3; Tables 13-15", "C24": "6; Figure 9", "X01": "ours"}


def column(name="factuality", verdict="SUPPORTED", effect=0.4, half_width=0.2, smallest_effect=0.1, **changes):
    values = {
        "name": name,
        "verdict": verdict,
        "left": 3.0 + effect,
        "right": 3.0,
        "effect": effect,
        "ci_low": effect - half_width,
        "ci_high": effect + half_width,
        "p_value": 0.004,
        "smallest_effect": smallest_effect,
        "n_units": 9,
        "units_above": 8,
        "sign_p": 0.039,
        "cells_above": 14,
        "cells": 18,
    }
    return ColumnRecord(**{**values, **changes})


def case(identifier="C10a-published-7b", claim="C10a", verdict="SUPPORTED", **changes):
    columns = changes.pop("columns", (column(verdict=verdict),) if verdict else ())
    values = {
        "id": identifier,
        "claim": claim,
        "statement": STATEMENTS.get(claim, "A statement."),
        "section": SECTIONS.get(claim, "3"),
        "role": "evidence",
        "evidence": "published",
        "level": "published",
        "expect": "at-least",
        "compared": "mean score tuned with LoRA minus tuned in full",
        "measure": "aspects",
        "model": "llama7b",
        "dataset": "alpaca-52k",
        "method": "lora",
        "probe": "just-eval",
        "verdict": verdict,
        "basis": "interval" if verdict else None,
        "reason": "the interval lies above the margin"
        if verdict
        else "needs 28 GB of GPU memory; this machine has none",
        "smallest_effect": 0.1,
        "columns": columns,
    }
    if columns:
        first = columns[0]
        values |= {"effect": first.effect, "ci_low": first.ci_low, "ci_high": first.ci_high, "p_value": first.p_value}
        values |= {"deciding_column": first.name, "unit": "points on the 1-5 scale", "minimal_detectable_effect": 0.18}
    return CaseRecord(**{**values, **changes})


def family(claim="C10a", verdict="SUPPORTED", counts=(1, 0, 0, 0), **changes):
    supported, refuted, inconclusive, missing = counts
    values = {
        "id": claim,
        "statement": STATEMENTS.get(claim, "A statement."),
        "section": SECTIONS.get(claim, "3"),
        "role": "evidence",
        "evidence": "published",
        "level": "published",
        "verdict": verdict,
        "members": sum(counts),
        "missing": missing,
        "supported": supported,
        "refuted": refuted,
        "inconclusive": inconclusive,
    }
    return ClaimRecord(**{**values, **changes})


def run(**changes):
    values = {
        "id": "2026-03-02-embedded-a1b2c3",
        "started": "2026-03-02T01:14:07Z",
        "finished": "2026-03-02T01:22:51Z",
        "version": "0.1.0",
        "git": "4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d",
        "catalog": "9b1df0a3" * 8,
        "python": "3.12.3",
        "packages": {"numpy": "2.1.0", "torch": "2.9.0", "transformers": "5.2.0"},
        "hardware": {"cpu": "2 cores", "memory_gb": 7.8, "gpu": "none"},
        "options": {"profile": "embedded", "arm": "both"},
    }
    return RunRecord(**{**values, **changes})


def record(cases=None, claims=None, **changes):
    values = {"run": run(), "cases": sample_cases() if cases is None else cases}
    values["claims"] = sample_claims() if claims is None else claims
    return Record(**{**values, **changes})


def not_run_cases(many, claim="C02", reason="needs 28 GB of GPU memory; this machine has none"):
    models, datasets = ("llama7b", "llama13b", "llama70b", "mistral7b"), ("alpaca", "lima", "dolly", "tulu")
    return tuple(
        case(
            f"{claim}-{models[index % 4]}-{datasets[index // 4 % 4]}-{index}-shared-rate-just-eval",
            claim,
            None,
            evidence="measured",
            level="paper",
            arm="shared-rate",
            model=models[index % 4],
            dataset=datasets[index // 4 % 4],
            reason=reason.replace("28", str(14 + index % 7)),
        )
        for index in range(many)
    )


def sample_cases():
    mixed = tuple(
        column(name, verdict, effect)
        for name, verdict, effect in zip(
            ASPECTS,
            ("REFUTED", "REFUTED", "SUPPORTED", "INCONCLUSIVE", "REFUTED"),
            (-0.42, -0.39, 0.4, -0.06, -0.55),
            strict=True,
        )
    )
    five = tuple(column(name, effect=0.3 + index / 7) for index, name in enumerate(ASPECTS))
    measured = {"evidence": "measured", "level": "bios", "model": "bios1m", "dataset": "bios-new30-short"}
    return (
        case("X01-bios1m-fair-known", "X01", "INCONCLUSIVE", expect="no-change", arm="fair", **measured,
             columns=(column("accuracy", "INCONCLUSIVE", -0.012, 0.061, 0.05, left=0.871, right=0.883),),
             reason="the interval reaches below the margin; n is too small by a factor of 1.9", unit="share of facts",
             n_prompts=400, n_replicates=5, rates=(1e-4, 5e-5), artifacts=("a" * 64, "b" * 64)),
        case("C24-published-neftune-7b", "C24", "REFUTED", expect="greater", columns=mixed, method="full-neftune",
             compared="mean score of full tuning with NEFTune minus plain full tuning",
             reason="helpfulness, clarity and engagement fall where they should rise", recorded_verdict="REFUTED"),
        case("C10a-published-7b", columns=five, recorded_verdict="SUPPORTED"),
        case("C10a-published-all", model="all", dataset="all", columns=five, recorded_verdict="REFUTED"),
        case("C10a-published-13b", verdict="REFUTED", model="llama13b",
             columns=(column("factuality", "REFUTED", -0.4),), reason="the interval lies below the margin"),
        case("C10a-bios1m-shared-rate-known", arm="shared-rate", **measured, unit="share of facts",
             columns=(column("accuracy", "SUPPORTED", 0.083, 0.031, 0.05, left=0.871, right=0.788),),
             published_effect=0.31, n_prompts=400, n_replicates=5, rates=(5e-5,)),
        case("C07-bios1m-shared-rate", "C07", "INCONCLUSIVE", expect="rising", arm="shared-rate", columns=(),
             effect=0.02, ci_low=-0.05, ci_high=0.09, reason="n is too small by a factor of 3.1", **measured),
        case("C07-published-text", "C07", "SUPPORTED", expect="no-gain", model="all", basis="text", columns=(),
             reason="stated without numbers"),
        case("C02-bios1m-noop", "C02", "SUPPORTED", role="sanity", expect="no-change", arm="shared-rate", **measured,
             columns=(column("kl", "SUPPORTED", 0.0, 0.002, 0.01),), reason="doing nothing shifts nothing"),
        *not_run_cases(9, "C02"),
        *not_run_cases(5, "C10a", "needs a judge key (JUDGE_API_KEY) and about 12 USD"),
    )  # fmt: skip


def sample_claims():
    measured = {"evidence": "measured", "level": "bios"}
    return (
        family("X01", "INCONCLUSIVE", (0, 0, 1, 0), arm="fair", **measured),
        family("C02", None, (0, 0, 0, 9), evidence="measured", level="paper", arm="shared-rate"),
        family("C02", "SUPPORTED", (1, 0, 0, 0), arm="shared-rate", role="sanity", **measured),
        family("C07", "SUPPORTED", (1, 0, 0, 0), note="one case, stated without numbers"),
        family("C07", "INCONCLUSIVE", (0, 0, 1, 0), arm="shared-rate", **measured),
        family("C10a", "REFUTED", (2, 1, 0, 0), holm={"C10a-published-7b": 0.012, "C10a-published-13b": 0.004}),
        family("C10a", "SUPPORTED", (1, 0, 0, 0), arm="shared-rate", **measured),
        family("C24", "REFUTED", (0, 1, 0, 0), note="two of its five columns rest on a duplicated row of the paper"),
    )


MECHANISMS = (
    MechanismRecord(
        id="M1 shallow alignment",
        statement="LoRA changes how answers begin and leaves what the base knows in place.",
        breaks_if="a LoRA cell forgets known facts as fast as a fully tuned one at its own best rate",
        cases=("C10a-bios1m-shared-rate-known", "X01-bios1m-fair-known", "C01-small-missing"),
    ),
)


def sample(**changes):
    return record(mechanisms=MECHANISMS, **changes)
