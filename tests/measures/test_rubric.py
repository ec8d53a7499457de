"""Rubrics: versioned texts whose hash is known, and places that are filled once."""

import hashlib
import json
from pathlib import Path

import pytest

from itl_bench.errors import UsageError
from itl_bench.measures import rubric as module
from itl_bench.measures.rubric import ASPECTS, PLACES, load_rubric, rubrics

FOLDER = Path(module.__file__).parent / "rubrics"
HASHES = {  # texts of a version never change: what was judged by them would be judged anew
    "aspects-1": "7aeb1acf110dcaf9258e1af8dea598d16c810de6a4b274d1d1b7f5daee4bf7bd",
    "safety-1": "c02d733a3f37d74fc0c659a071147102a1f29c373a7448481540b3c338bd32da",
}


def test_all_rubrics_are_known():
    assert rubrics() == tuple(sorted(path.stem for path in FOLDER.iterdir())) == tuple(sorted(HASHES))


@pytest.mark.parametrize("id", HASHES)
def test_a_rubric_is_the_text_of_its_version(id):
    rubric = load_rubric(id)
    assert rubric.id == id
    assert rubric.hash == hashlib.sha256((FOLDER / f"{id}.md").read_bytes()).hexdigest() == HASHES[id]
    assert (rubric.lowest, rubric.highest) == (1, 5)
    assert not rubric.text.startswith("---")


@pytest.mark.parametrize("id", HASHES)
def test_a_rubric_names_each_aspect_with_both_anchors_and_asks_for_its_json(id):
    rubric = load_rubric(id)
    for column in rubric.columns:
        (line,) = (line for line in rubric.text.splitlines() if line.startswith(f"- {column}: "))
        assert " 5: " in line
        assert " 1: " in line
    form = rubric.text[rubric.text.rindex("\n{\n") :].replace('"score": ...', '"score": 1')
    assert list(json.loads(form)) == list(rubric.columns)
    assert all(rubric.text.count(f"{{{place}}}") == (7 if place == "mark" else 1) for place in PLACES)


def test_the_aspects_are_those_of_the_paper():
    assert load_rubric("aspects-1").columns == ASPECTS


def test_what_looks_like_a_place_in_a_filled_text_stays():
    filled = load_rubric("aspects-1").filled("m0", "say {answer} and {mark}", "", r"\1 {context} {instruction}")
    assert "\nsay {answer} and {mark}\n" in filled
    assert "\n\\1 {context} {instruction}\n" in filled
    assert filled.count("m0") == 7


def test_an_unknown_rubric_is_named_with_the_nearest():
    with pytest.raises(UsageError, match=r"unknown rubric 'aspect-1'; did you mean 'aspects-1'\?"):
        load_rubric("aspect-1")
    with pytest.raises(UsageError, match=r"unknown rubric '\.\./judge'"):
        load_rubric("../judge")
