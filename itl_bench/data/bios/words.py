"""Invented names and values: one token each, and no word of one kind is a word of another."""

import random
from collections.abc import Iterator
from itertools import product

ONSETS = ("b", "br", "c", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "z")
VOWELS = ("a", "e", "i", "o", "u")
MIDDLES = ("", "l", "r")
FIRST_ENDINGS = ("na", "ren", "lis", "mo", "ria", "ton", "vi", "sha")
LAST_ENDINGS = ("berg", "dal", "son", "wick", "mann", "ovic", "stad", "quist")
CITY_ENDINGS = ("haven", "burg")
EMPLOYER_ENDINGS = ("tronics", "works")
UNIVERSITY_ENDINGS = ("minster", "college")

PROFESSIONS = (
    "brewer", "glazier", "baker", "botanist", "carpenter", "chemist", "composer", "dentist", "diplomat", "lawyer",
    "miner", "farmer", "geologist", "historian", "jeweller", "judge", "librarian", "locksmith", "mathematician",
    "midwife", "nurse", "painter", "pharmacist", "pilot", "plumber", "sculptor", "surgeon", "tailor", "translator",
    "welder",
)  # fmt: skip
HOBBIES = (
    "archery", "astronomy", "beekeeping", "calligraphy", "chess", "climbing", "cycling", "dancing", "fencing",
    "fishing", "gardening", "juggling", "knitting", "origami", "photography", "pottery", "rowing", "sailing",
    "skating", "weaving",
)  # fmt: skip


def invented(endings: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The first `count` words with these endings: always the same ones, in an order that mixes beginnings.

    Raises:
        ValueError: There are not so many.
    """
    words = list(_words(endings))
    if count > len(words):
        raise ValueError(f"{count} words are wanted; these endings give {len(words)}")
    random.Random(0).shuffle(words)
    return tuple(words[:count])


def _words(endings: tuple[str, ...]) -> Iterator[str]:
    for onset, vowel, middle, ending in product(ONSETS, VOWELS, MIDDLES, endings):
        yield f"{onset}{vowel}{middle}{ending}".capitalize()


POOLS: dict[str, tuple[str, ...]] = {
    "birth-year": tuple(str(year) for year in range(1940, 1990)),
    "birth-city": invented(CITY_ENDINGS, 40),
    "employer": invented(EMPLOYER_ENDINGS, 40),
    "university": invented(UNIVERSITY_ENDINGS, 30),
    "profession": PROFESSIONS,
    "hobby": HOBBIES,
}
ATTRIBUTES = tuple(POOLS)
