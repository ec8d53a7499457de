"""The key of a judge's server: read where it is needed, and taken out of every text that comes back."""

import os
from urllib.parse import SplitResult, urlsplit

from itl_bench.errors import JudgeError
from itl_bench.measures.judge import Judge

LONGEST_DETAIL = 200
PIECE = 8  # characters of a key that give nothing away; any longer piece of it is taken out


class Key:
    """A key that no repr shows.

    Attributes:
        value: What is sent.
    """

    def __init__(self, value: str, secret: bool = True) -> None:
        """A placeholder is no secret."""
        self.value, self._secret = value, secret

    def __repr__(self) -> str:
        return "Key(...)"

    def out_of(self, text: str) -> str:
        """The text without the key and without any longer piece of it, as servers quote them."""
        if not self._secret:
            return text
        text = text.replace(self.value, "***")
        for start in range(len(self.value) - PIECE + 1):
            text = text.replace(self.value[start : start + PIECE], "***")
        return text

    def line(self, text: str) -> str:
        """A text from outside as one short line that can be shown: no key, no line break, no control character."""
        shown = "".join(letter if letter.isprintable() else " " for letter in self.out_of(text[:10_000]))
        line = " ".join(shown.split())
        return line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 3] + "..."


def read_key(judge: Judge) -> Key:
    """The key from the environment; a server on this machine needs none.

    Raises:
        JudgeError: There is none, or none that can be sent, or the server's address is none.
    """
    value, server = os.environ.get(judge.key, "").strip(), server_of(judge.base_url)
    if not value and judge.is_local:
        return Key("none", secret=False)
    if not value:
        raise JudgeError(f"judge {judge.id!r} needs a key for {server}: set the environment variable {judge.key}")
    if not (value.isascii() and value.isprintable()):
        raise JudgeError(f"the environment variable {judge.key} holds characters that no key has: set it anew")
    return Key(value)


def server_of(base_url: str) -> str:
    """Host and port, without the names and passwords that an address may hold."""
    return _parts(base_url).netloc.rpartition("@")[2]


def _parts(base_url: str) -> SplitResult:
    """The address is not shown where it is wrong: it may hold a password."""
    try:
        parts = urlsplit(base_url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise JudgeError("the judge's base_url is no address of a server; accepted is one as https://api.openai.com/v1")
