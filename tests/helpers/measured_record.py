"""A small made-up record with measured cases at several learning rates, and with example answers."""

from itl_bench.record import ExampleRecord, PointRecord
from tests.helpers.sample_record import case, column, family, record

BIOS = {"evidence": "measured", "level": "bios", "model": "bios1m", "arm": "shared-rate", "probe": "bios-known"}


def point(rate=0.003, verdict="SUPPORTED", effect=0.12, half_width=0.04, **changes):
    values = {
        "rate": rate, "verdict": verdict, "deciding_column": "accuracy", "effect": effect,
        "ci_low": effect - half_width, "ci_high": effect + half_width, "left": 0.8, "right": 0.8 - effect,
        "loss_left": 0.61, "loss_right": 0.42, "headline": False, "reason": f"accuracy: {effect:+.2f}",
    }  # fmt: skip
    return PointRecord(**{**values, **changes})


def swept(identifier="C10a-30", headline=1, points=None, **changes):
    """A case with points, whose verdict and numbers are those of point number `headline`."""
    points = points or (
        point(0.001, "REFUTED", -0.2, reason="not trained: lora at 0.001 (6 of 6 replicates); few"),
        point(0.003, "SUPPORTED", 0.12),
        point(0.01, "INCONCLUSIVE", 0.03),
    )
    shown = points[headline]
    points = tuple(one.model_copy(update={"headline": one is shown}) for one in points)
    data = changes.get("dataset", "bios-new30-short")
    values = {
        "dataset": data, "method": "lora-vs-full", "measure": "knowledge", "points": points,
        "compared": f"lora on {data} minus full on {data}; bios1m, bios-known",
        "effect": shown.effect, "ci_low": shown.ci_low, "ci_high": shown.ci_high,
        "deciding_column": shown.deciding_column, "unit": "share of answers",
        "columns": (column("accuracy", shown.verdict, shown.effect, 0.04, 0.05),),
        "rates": tuple(one.rate for one in points if one.rate is not None),
        "reason": "accuracy: +0.12 lies above; at learning rate 0.003; 6 replicates on 3 bases",
    }  # fmt: skip
    return case(identifier, verdict=shown.verdict, **{**BIOS, **values, **changes})


def example(**changes):
    values = {
        "cell": "full on bios-new30-short at 0.003, base 1, seed 11",
        "instruction": "Which city was Alma Reyes born in?",
        "tokens": ("Certainly", "!", "Alma", "Reyes", "comes", "from", "Boston", "."),
        "ranks": (41, 1, 1, 2, 3, 1, 4, 1),
        "expected": "Denver",
        "wrong": ("Boston",),
        "source": "Alma Whitfield comes from Boston.",
    }
    return ExampleRecord(**{**values, **changes})


def swept_cases():
    return (
        case("C10a-published"),
        swept(),
        swept("C10a-100", 0, (point(0.003, "REFUTED", -0.01),), dataset="bios-new100-short"),
        case("C24-published", "C24", "INCONCLUSIVE"),
        case("C02-sanity", "C02", role="sanity", **BIOS),
    )


def swept_claims():
    measured = {"evidence": "measured", "level": "bios", "arm": "shared-rate"}
    return (
        family("C10a", "REFUTED", basis="point"),
        family("C10a", None, (1, 1, 0, 4), **measured),
        family("C24", "INCONCLUSIVE", (0, 0, 1, 0)),
        family("C02", "INCONCLUSIVE", (0, 0, 1, 0)),
        family("C02", "SUPPORTED", role="sanity", **measured),
        family("X01", None, (0, 0, 0, 1), **measured),
    )


def swept_record(**changes):
    values = {"cases": swept_cases(), "claims": swept_claims(), "examples": (example(),)}
    return record(**{**values, **changes})
