"""Facts of countries: capital, money, top-level domain, calling code."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from itl_bench.data.atlas import country_lists as lists
from itl_bench.data.atlas.draft import Draft, Values
from itl_bench.data.atlas.globe import Row, distance, geonames

FEWEST_PEOPLE = 5000  # of a territory
NEAREST = 3  # countries of the continent, beside the neighbours


def countries() -> dict[str, Row]:
    """All countries and territories of GeoNames by ISO code."""
    found: dict[str, Row] = geonames().get_countries()
    return found


def name_of(code: str, row: Row) -> str:
    """The usual English name, without article."""
    return lists.NAMES.get(code, str(row["name"]))


def country_values(rows: Mapping[str, Row]) -> Values:
    """All countries and territories as answers."""
    return {name_of(code, row): names_of(code, row)[1:] for code, row in rows.items()}


def names_of(code: str, row: Row) -> tuple[str, ...]:
    """The name, the name with its article, and other names."""
    name = name_of(code, row)
    articles = (f"the {name}", f"The {name}") if code in lists.ARTICLES else ()
    spelled = (str(row["name"]),) if row["name"] != name and not str(row["name"]).startswith("The ") else ()
    return (name, *articles, *lists.OTHER_NAMES.get(code, ()), *spelled)


def add_countries(draft: Draft) -> None:
    """Add the facts of all countries and of inhabited territories that have a capital."""
    rows = countries()
    _declare_values(draft, rows)
    codes, domains, places = _calling_codes(rows), _holders(rows, "tld"), _largest_cities()
    for code, row in sorted(rows.items()):
        if rule := _left_out(code, row):
            for relation in ("capital", "currency", "domain", "calling-code"):
                draft.remove(relation, rule)
            continue
        name = name_of(code, row)
        subject, near = f"the {name}" if code in lists.ARTICLES else name, _near(code, rows, places)
        answers: dict[str, tuple[str, ...] | str] = {
            "capital": _capital(code, row),
            "currency": _currency(code, row),
            "domain": (str(row["tld"]),) if len(domains[row["tld"]]) == 1 else "held by several",
            "calling-code": codes[code],
        }
        for relation, found in answers.items():
            if isinstance(found, str):
                draft.remove(relation, found)
            else:
                draft.add(relation, f"country/{code}", subject, found, near)


def _left_out(code: str, row: Row) -> str:
    """The rule by which a country has no facts at all; empty if it has."""
    if code in lists.GONE_OR_DISPUTED:
        return "gone or disputed"
    if code in lists.TERRITORIES and (row["population"] < FEWEST_PEOPLE or not row["capital"]):
        return "territory without capital or with few people"
    return ""


def _capital(code: str, row: Row) -> tuple[str, ...] | str:
    """The capital's names, or the rule that leaves it out."""
    if code in lists.SEVERAL_CAPITALS:
        return "several or disputed"
    return "changed lately" if code in lists.CHANGED_CAPITALS else _capitals(code, row)


def _capitals(code: str, row: Row) -> tuple[str, ...]:
    return lists.CAPITALS.get(code, (str(row["capital"]).strip(),))


def unit_of(code: str, row: Row) -> str:
    """The unit of money without nationality, in small letters."""
    return lists.UNITS.get(code, str(row["currencyname"]).lower())


def _currency(code: str, row: Row) -> tuple[str, ...] | str:
    """The unit of money, capitalised too, its other names and its ISO code, or the rule that leaves it out."""
    if code in lists.SEVERAL_CURRENCIES:
        return "several or disputed"
    if code in lists.CHANGED_CURRENCIES:
        return "changed lately"
    unit = unit_of(code, row)
    return (unit, unit.capitalize(), *lists.OTHER_UNITS.get(code, ()), str(row["currencycode"]))


def _holders(rows: Mapping[str, Row], key: str) -> dict[str, list[str]]:
    """Value -> the countries that have it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for code, row in rows.items():
        found[str(row[key])].append(code)
    return found


def _calling_codes(rows: Mapping[str, Row]) -> dict[str, tuple[str, ...] | str]:
    """By country, its code or the rule that leaves it out; a state keeps what it shares with territories only."""
    holders, found = _holders(rows, "phone"), dict[str, tuple[str, ...] | str]()
    for code, row in rows.items():
        phone = str(row["phone"])
        states = [one for one in holders[phone] if one not in lists.TERRITORIES | lists.GONE_OR_DISPUTED]
        alone = states == [code] or holders[phone] == [code]
        if code == "VA" or not phone.isdigit():  # the Vatican's own code is reserved, its phones have Italy's
            found[code] = "part of another code"
        else:
            found[code] = (f"+{phone}", phone) if alone else "held by several"
    return found


def _near(code: str, rows: Mapping[str, Row], places: Mapping[str, Row]) -> tuple[str, ...]:
    """Neighbours, and the countries of the continent whose largest city is nearest."""
    neighbours = [one for one in str(rows[code]["neighbours"]).split(",") if one in rows]
    others = [one for one in places if one != code and rows[one]["continentcode"] == rows[code]["continentcode"]]
    others.sort(key=lambda one: (distance(places[code], places[one]), one))
    close = [one for one in others if one not in neighbours and not _left_out(one, rows[one])]
    return tuple(f"country/{one}" for one in (*neighbours, *close[:NEAREST]))


def _largest_cities() -> dict[str, Row]:
    """The largest city of each country, in a list that has small ones too."""
    found: dict[str, Row] = {}
    for place in geonames(500).get_cities().values():
        held = found.setdefault(place["countrycode"], place)
        if place["population"] > held["population"]:
            found[place["countrycode"]] = place
    return found


def _declare_values(draft: Draft, rows: Mapping[str, Row]) -> None:
    """All capitals, units, domains and codes, those of countries without facts too."""
    draft.values["capital"] = _joined(_capitals(code, row) for code, row in rows.items() if row["capital"])
    money = [(code, row) for code, row in rows.items() if row["currencycode"].strip()]
    draft.values["currency"] = _joined(
        (unit_of(code, row), *lists.OTHER_UNITS.get(code, ()), str(row["currencycode"])) for code, row in money
    )
    draft.values["domain"] = _joined((str(row["tld"]),) for row in rows.values() if row["tld"])
    phones = {str(row["phone"]) for row in rows.values()}
    draft.values["calling-code"] = _joined((f"+{phone}",) for phone in phones if phone.isdigit())


def _joined(named: Iterable[tuple[str, ...]]) -> Values:
    """Canonical value -> all its other names, of whatever country."""
    found: Values = {}
    for value, *others in named:
        found[value] = tuple(dict.fromkeys((*found.get(value, ()), *others)))
    return found
