"""A small made-up record with all arms, both texts and all marks of learning, for what a reader meets first."""

from itl_bench.record import HeadlineRecord, LearningRecord, MechanismRecord
from tests.helpers.measured_record import point
from tests.helpers.sample_record import case, column, family, record

BIOS = {"evidence": "measured", "level": "bios", "model": "bios1m", "probe": "bios-known", "expect": "greater"}
DATA = "bios-new30-short"
RATES = (0.0001, 0.001, 0.003, 0.01)
KEPT = ((1.0, 0.99), (0.99, 0.83), (0.97, 0.24), (0.82, 0.03))  # by rate: lora, full
LEARNED = ((0.03, 0.10), (0.08, 0.76), (0.32, 0.76), (0.60, 0.10))


def learning(mark="unequal", left=0.32, right=0.72, half_width=0.05):
    if mark == "not defined":
        return LearningRecord(mark=mark)
    difference = left - right
    ends = {"ci_low": difference - half_width, "ci_high": difference + half_width}
    return LearningRecord(mark=mark, left=left, right=right, difference=difference, **ends)


def measured(claim, arm, verdict="SUPPORTED", effect=0.4, half_width=0.03, name="", **changes):
    """A measured case of one column; `name` is of the column."""
    name = name or "accuracy"
    within = changes.pop("within", False)
    along = ", within a run" if within else ""
    if arm == "equal-learning":
        changes["along"] = "updates" if within else "rates"
    data = changes.get("dataset", DATA)
    text = f"-{changes['text']}" if "text" in changes else ""
    method = changes.setdefault("method", "lora-vs-full")
    left, _, right = method.partition("-vs-")
    values = {
        "arm": arm, "dataset": data, "measure": "knowledge", "unit": "share of answers",
        "compared": f"{left} on {data} minus {right} on {data}; bios1m, bios-known{along}",
        "smallest_effect": 0.05, "deciding_column": name,
        "columns": (column(name, verdict, effect, half_width, 0.05, left=0.5 + effect, right=0.5),) if verdict else (),
        "reason": f"{name}: {effect:+.2f} lies somewhere; 6 replicates on 3 bases",
    }  # fmt: skip
    identifier = f"{claim}-{data}-{method}{text}{'-run' if along else ''}-{arm}"
    return case(changes.pop("identifier", identifier), claim, verdict, **{**BIOS, **values, **changes})


def swept_points():
    shown = zip(RATES, KEPT, LEARNED, strict=True)
    return tuple(
        point(rate, "SUPPORTED" if left - right > 0.05 else "REFUTED", left - right, 0.03, left=left, right=right,
              learned_left=one, learned_right=other, headline=rate == 0.003)
        for rate, (left, right), (one, other) in shown
    )  # fmt: skip


def fair_point(verdict="REFUTED"):
    return (
        point(None, verdict, -0.02, 0.025, rate_left=0.01, rate_right=0.001, left=0.81, right=0.83,
              learned_left=0.59, learned_right=0.76, headline=True),
    )  # fmt: skip


def kept_cases():
    full = "full on bios-new30-simple minus full on bios-new30-padded; bios1m, bios-known"
    m2 = {"method": "full-vs-lora", "measure": "borrowing", "name": "excess"}
    m3 = {
        "dataset": "bios-new30-simple-vs-bios-new30-padded", "method": "full", "measure": "value-precision",
        "name": "precision", "compared": full, "unit": "share of stated values",
    }  # fmt: skip
    return (
        case("C10b-published", "C10b", "SUPPORTED", expect="greater", model="all-models",
             columns=(column("engagement", "SUPPORTED", 0.57, 0.33), column("factuality", "SUPPORTED", 1.24, 0.33))),
        measured("C10b", "shared-rate", "SUPPORTED", 0.73, 0.04, points=swept_points(), learning=learning()),
        measured("C10b", "fair", "REFUTED", -0.02, 0.025, points=fair_point(),
             learning=learning("unequal", 0.59, 0.76)),
        measured("C10b", "equal-learning", "REFUTED", -0.03, 0.02, learning=learning("equal", 0.58, 0.58, 0.0)),
        measured("C10b", "equal-learning", "INCONCLUSIVE", 0.02, 0.09, within=True,
                 learning=learning("equal", 0.44, 0.44, 0.0)),
        measured("C10b", "shared-rate", "INCONCLUSIVE", 0.01, 0.01, dataset="bios-new0-short",
                 learning=learning("not defined"),
                 reason="no room: right side at 0.99, SUPPORTED would need 1.07; 6 replicates on 3 bases"),
        case("C19-published", "C19", "SUPPORTED", expect="greater", basis="point",
             columns=(column("share", "SUPPORTED", 0.75, 0.05),)),
        measured("C19", "shared-rate", "SUPPORTED", 0.39, 0.04, learning=learning("unequal", 0.72, 0.32), **m2),
        measured("C19", "fair", "REFUTED", 0.011, 0.013, learning=learning("unknown", 0.72, 0.60, 0.1), **m2),
        measured("C19", "equal-learning", None, reason="not run: no match was trained", effect=0.0, **m2),
        case("C17-published", "C17", "SUPPORTED", expect="greater", basis="point",
             columns=(column("factuality", "SUPPORTED", 0.22, 0.08),)),
        measured("C17", "shared-rate", "REFUTED", -0.09, 0.03, learning=learning("unequal", 0.58, 0.69, 0.01), **m3),
        measured("C17", "fair", "INCONCLUSIVE", 0.02, 0.05, pilot=True,
                 reason="pilot: cells of 23 updates; a verdict needs 94; 6 replicates on 3 bases", **m3),
    )  # fmt: skip


def shift_cases():
    shift = {"method": "full-vs-lora", "measure": "token-shift", "name": "log_kl", "unit": "log of nats"}
    return (
        measured("C01", "shared-rate", "REFUTED", 0.2, text="own", **shift),
        measured("C01", "shared-rate", "SUPPORTED", 1.1, text="common", **shift),
        measured("C01", "fair", "INCONCLUSIVE", 0.1, text="own", **shift),
        measured("C01", "fair", "INCONCLUSIVE", 0.1, text="common", **shift),
        measured("C01", "equal-loss", "INCONCLUSIVE", text="own", columns=(), deciding_column=None,
                 reason="no match at equal training loss: base 1, seed 11: left goes from 2 to 1", **shift),
    )  # fmt: skip


def told_claims():
    def one(claim, verdict, arm, counts=(0, 0, 1, 0), **changes):
        return family(claim, verdict, counts, evidence="measured", level="bios", arm=arm, **changes)

    return (
        family("C01", "SUPPORTED"), family("C10b", "INCONCLUSIVE", (2, 0, 3, 0)), family("C17", "SUPPORTED"),
        family("C19", "SUPPORTED", basis="point"),
        one("C01", "REFUTED", "shared-rate", (0, 1, 0, 0), text="own"),
        one("C01", "SUPPORTED", "shared-rate", (1, 0, 0, 0), text="common"),
        one("C01", "INCONCLUSIVE", "fair", text="own"), one("C01", "INCONCLUSIVE", "fair", text="common"),
        one("C01", "INCONCLUSIVE", "equal-loss", text="own"),
        one("C10b", "SUPPORTED", "shared-rate", (1, 0, 0, 0)), one("C10b", "REFUTED", "fair", (0, 1, 0, 0)),
        one("C10b", "REFUTED", "equal-learning", (0, 1, 1, 0)),
        one("C19", "SUPPORTED", "shared-rate", (1, 0, 0, 0)), one("C19", "REFUTED", "fair", (0, 1, 0, 0)),
        one("C19", None, "equal-learning", (0, 0, 0, 1)),
        one("C17", "REFUTED", "shared-rate", (0, 1, 0, 0)), one("C17", "INCONCLUSIVE", "fair"),
    )  # fmt: skip


def mechanism(number, says, claim, cases, **changes):
    ids = tuple(one.id for one in cases if one.claim == claim and "new0" not in one.id)
    headline = HeadlineRecord(says=says, asks=f"what {claim} compares", cases=ids, columns=("factuality",))
    values = {"id": f"M{number}", "statement": f"Mechanism {number}.", "breaks_if": "it does not hold", "cases": ids}
    return MechanismRecord(**{**values, "headline": headline, **changes})


def told_record(**changes):
    cases = changes.pop("cases", (*kept_cases(), *shift_cases()))
    mechanisms = (
        mechanism(1, "LoRA keeps more knowledge than full tuning", "C10b", cases),
        mechanism(2, "full tuning borrows more from similar training items than LoRA", "C19", cases),
        mechanism(3, "simpler responses in the tuning data make answers more factual", "C17", cases),
    )
    return record(cases, told_claims(), **{"mechanisms": mechanisms, **changes})
