"""One spelling for all spellings of a name."""

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans({"ł": "l", "ı": "i", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "þ": "th"})
_APOSTROPHES = "'’‘ʻʼ`´ʿʾ"
_SPELLED = {"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort"}
ARTICLES = frozenset({"the", "a", "an"})


@lru_cache(maxsize=20_000)  # making the atlas asks for the same few thousand names millions of times
def normalise(text: str) -> str:
    """Lower case, without diacritics, punctuation, hyphens, apostrophes and articles, single spaces."""
    return " ".join(words(text))


def words(text: str) -> list[str]:
    """The words of a text as `normalise` writes them."""
    return [word for word, _, _ in placed_words(text)]


def placed_words(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as `normalise` writes them, each with where it starts and ends in the text.

    Example: "U.S." is the one word "us", and "St. John's" are "saint" and "johns".
    """
    found = []
    for match in re.finditer(rf"(?:[^\W\d_]\.){{2,}}|[^\W_](?:[^\W_]|[{_APOSTROPHES}\u0300-\u036f](?=[^\W_]))*", text):
        word = plain(match.group())
        word = _SPELLED.get(word, word)
        if word and word not in ARTICLES:
            found.append((word, match.start(), match.end()))
    return found


def plain(text: str) -> str:
    """Letters and digits only, in lower case, without diacritics."""
    decomposed = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    return "".join(letter for letter in decomposed if letter.isalnum() and letter not in _APOSTROPHES)


def is_code(name: str) -> bool:
    """Whether a name is a code that counts in capital letters only: "USD", "TX", "U.S."."""
    letters = name.replace(".", "")
    return letters.isupper() and letters.isalpha() and len(letters) <= 4
