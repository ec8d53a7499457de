"""Published files against the raw data that they were taken from; ITL_DATA_DIR names the folder of the raw data."""

import csv
import json
import os
from pathlib import Path

import pytest

from tests.helpers.oracle import ASPECTS, TASKS
from tests.helpers.shipped_catalog import CASES, listed

FOLDER = os.environ.get("ITL_DATA_DIR")
pytestmark = pytest.mark.skipif(not FOLDER, reason="ITL_DATA_DIR names no folder of raw data")


def test_the_judge_scores_are_those_of_the_raw_outputs():
    expected = []
    for path in sorted(Path(FOLDER, "judge-outputs").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            output = json.loads(line)
            scores = {name: str(value["score"]) for name, value in json.loads(output["result"]).items()}
            row = {name: "" if scores[name] == "N/A" else scores[name] for name in ASPECTS}
            expected.append({"item": str(output["id"]), **row})
    with (CASES / "published" / "judge_scores.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == expected
    assert len(expected) == 80


def test_the_groups_of_just_eval_are_counts_of_its_tags():
    tags = json.loads(Path(FOLDER, "just-eval-instruct", "tags.json").read_text(encoding="utf-8"))
    probe = next(probe for probe in listed("probes") if probe["id"] == "just-eval")
    assert probe["groups"] == {task: sum(item[task] for item in tags) for task in TASKS}
    assert probe["prompts"] == len(tags)
