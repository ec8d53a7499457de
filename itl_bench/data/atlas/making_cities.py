"""Facts of cities: the country of large cities, the state of those of the United States."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

from itl_bench.data.atlas import country_lists as lists
from itl_bench.data.atlas.draft import Draft, Values, tells
from itl_bench.data.atlas.globe import Row, distance, geonames
from itl_bench.data.atlas.making_countries import countries, country_values, names_of
from itl_bench.data.atlas.normalising import normalise

PEOPLE, PEOPLE_US = 50_000, 75_000  # of the smallest city
CITIES_OF_A_COUNTRY = 40  # the largest, so that a few countries are not most answers
OTHER_SHARE = 0.1  # of a city's people: a place elsewhere that has its name and more people makes the name ambiguous
APART_KM = 8  # closer to a larger city of its country, a place is a part of it
NAMED_AFTER_KM = 60  # or, closer than this, if it has that city's name in its own: New Cairo, East Helsinki
NEAREST = 8
_ODD = re.compile(r"[\d/(–]")
_CRIMEA = "Europe/Simferopol"
_SPELLED = str.maketrans({"ł": "l", "Ł": "L", "ı": "i", "đ": "d", "Đ": "D", "’": "'", "‘": "'", "ə": "a", "Ə": "A"})


def add_cities(draft: Draft) -> None:
    """Add the country of cities outside the United States, and the state of those within."""
    cache = geonames()
    rows, places = (
        countries(),
        sorted(cache.get_cities().values(), key=lambda one: (-one["population"], one["geonameid"])),
    )
    draft.values["city-country"] = country_values(rows)
    states = {str(code): str(state["name"]) for code, state in cache.get_us_states().items()}
    draft.values["city-state"] = {name: (code,) for code, name in states.items()}
    _add_world(draft, places, rows)
    _add_states(draft, [place for place in places if place["countrycode"] == "US"], states)


def _add_world(draft: Draft, places: list[Row], rows: Mapping[str, Row]) -> None:
    namesakes, capitals = _namesakes(places), _capital_names(draft.values["capital"])
    of_country, larger, kept = defaultdict[str, list[Row]](list), defaultdict[str, list[Row]](list), list[Row]()
    for place in places:
        code = place["countrycode"]
        if place["population"] < PEOPLE or code in ("US", *lists.TERRITORIES, *lists.GONE_OR_DISPUTED):
            continue
        if rule := _world_rule(place, of_country[code], namesakes, capitals, draft.values["city-country"]):
            draft.remove("city-country", rule)
        elif _part_of(place, larger[code]):
            draft.remove("city-country", "part of a larger city")
        else:
            of_country[code].append(place)
            kept.append(place)
        larger[code].append(place)
    for place in kept:
        others = [one for one in kept if one["countrycode"] != place["countrycode"]]
        neighbours = str(rows[place["countrycode"]]["neighbours"]).split(",")
        close = [one for one in others if one["countrycode"] in neighbours] or others
        row = rows[place["countrycode"]]
        answers = names_of(place["countrycode"], row)
        draft.add("city-country", _id(place), spelled(place["name"]), answers, _nearest(place, close))


def _world_rule(
    place: Row, taken: list[Row], namesakes: Mapping[str, list[Row]], capitals: frozenset[str], values: Values
) -> str:
    """The rule that leaves a city out; empty if none does."""
    name = normalise(place["name"])
    if name in capitals:
        return "a capital"
    if place["timezone"] == _CRIMEA:
        return "gone or disputed"
    if _ODD.search(place["name"]):
        return "written in several ways, or a number"
    if _ambiguous(place, namesakes[name], "countrycode"):
        return "held by several"
    if tells(place["name"], (), values):
        return "the name tells a value"
    return "not among the largest of its country" if len(taken) >= CITIES_OF_A_COUNTRY else ""


def _add_states(draft: Draft, places: list[Row], states: Mapping[str, str]) -> None:
    namesakes, larger, kept = _namesakes(places), list[Row](), list[Row]()
    for place in places:
        if place["population"] < PEOPLE_US:
            continue
        if _ambiguous(place, namesakes[normalise(place["name"])], "admin1code"):
            draft.remove("city-state", "held by several")
        elif tells(place["name"], (), draft.values["city-state"]):
            draft.remove("city-state", "the name tells a value")
        elif _part_of(place, larger):
            draft.remove("city-state", "part of a larger city")
        else:
            kept.append(place)
        larger.append(place)
    for place in kept:
        others = [one for one in kept if one["admin1code"] != place["admin1code"]]
        answers = (states[place["admin1code"]],)
        draft.add("city-state", _id(place), spelled(place["name"]), answers, _nearest(place, others))


def _part_of(place: Row, larger: Iterable[Row]) -> bool:
    name = f" {normalise(place['name'])} "
    return any(
        distance(place, one) < (NAMED_AFTER_KM if f" {normalise(one['name'])} " in name else APART_KM) for one in larger
    )


def _namesakes(places: Iterable[Row]) -> dict[str, list[Row]]:
    """Normalised name -> all places that have it."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for place in places:
        found[normalise(place["name"])].append(place)
    return found


def _ambiguous(place: Row, namesakes: Iterable[Row], region: str) -> bool:
    """Whether a place of the same name is elsewhere and large enough, or larger and in the same region."""
    return any(
        one["population"] > OTHER_SHARE * place["population"]
        if one[region] != place[region]
        else (one["population"], one["geonameid"]) > (place["population"], place["geonameid"])
        for one in namesakes
    )


def _capital_names(values: Values) -> frozenset[str]:
    return frozenset(normalise(name) for value, others in values.items() for name in (value, *others))


def spelled(name: str) -> str:
    """A name in letters of Western Europe: as it is, or without any diacritics if it has others; "the" is small."""
    text = name.translate(_SPELLED)
    text = f"the {text[4:]}" if text.startswith("The ") else text
    text = text if text.startswith("'s-") else text.strip("'")  # a soft sign or a glottal stop
    if all(ord(letter) < 256 for letter in text):
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _id(place: Row) -> str:
    return f"city/{place['geonameid']}"


def _nearest(place: Row, others: Iterable[Row]) -> tuple[str, ...]:
    """The cities that are nearest on the globe."""
    ordered = sorted(others, key=lambda one: (distance(place, one), one["geonameid"]))
    return tuple(_id(one) for one in ordered[:NEAREST])
