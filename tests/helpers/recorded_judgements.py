"""Judgements as just-eval writes them, and judges that are planted: what they say follows from the request."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from itl_bench.measures.rubric import ASPECTS
from itl_bench.stages.judges.judgement import Judgement, Request

Score = float | None


def line(number: int, scores: Mapping[str, object]) -> dict[str, object]:
    """One recorded judgement; the reply says what was parsed."""
    parsed = {aspect: {"reason": "Because.", "score": score} for aspect, score in scores.items()}
    return {
        "id": number, "input": f"Question {number}?", "output_cand": f"Answer {number}.", "generator_cand": "model",
        "result": json.dumps(parsed), "parsed_result": parsed,
    }  # fmt: skip


def write_reference(path: Path, lines: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def random_lines(n: int, seed: int = 7) -> list[dict[str, object]]:
    """Judgements with whole scores as strings, as the recorded ones are; each aspect has an N/A now and then."""
    drawn = np.random.default_rng(seed).integers(1, 6, (n, len(ASPECTS)))
    lines = []
    for number, row in enumerate(drawn):
        scores = dict(zip(ASPECTS, map(str, row), strict=True))
        if number % 20 == 19:
            scores[ASPECTS[number // 20 % len(ASPECTS)]] = "N/A"
        lines.append(line(number, scores))
    return lines


def planted(says: Callable[[Request], Mapping[str, Score]]) -> Callable[[Sequence[Request]], dict[str, Judgement]]:
    """A scorer that gives every request the scores that follow from it."""

    def score(requests: Sequence[Request]) -> dict[str, Judgement]:
        return {one.key: Judgement(outcome="score", scores=says(one)) for one in requests}

    return score
