"""A provider's batch mode over HTTP: files of requests, batches made of them, files of replies."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Final, Self

import httpx2
import openai
from openai.types import Batch as Told

from itl_bench.errors import JudgeError
from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.faults import LARGEST
from itl_bench.stages.judges.key import read_key, server_of

ENDPOINT: Final = "/v1/chat/completions"
MOST_LISTED = 10_000  # batches, the newest first
REFUSED = (400, 404, 422)  # nothing came of what was asked, nor will it


class RefusedError(JudgeError):
    """The provider does not take what it was given."""


class BatchServer:
    """The provider of a judge; a context manager. Nothing is sent twice by itself.

    Attributes:
        key: Of the judge, which takes itself out of texts.
    """

    def __init__(self, judge: Judge) -> None:
        """Nothing is sent yet.

        Raises:
            JudgeError: There is no key in the environment.
        """
        self.key, self._server = read_key(judge), server_of(judge.base_url)
        http = openai.DefaultHttpxClient(timeout=judge.timeout, follow_redirects=False, trust_env=not judge.is_local)
        self._client = openai.OpenAI(
            api_key=self.key.value, base_url=judge.base_url, max_retries=0, timeout=judge.timeout, http_client=http,
            default_headers={"Accept-Encoding": "identity"},
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Nothing to do."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._client.close()

    def upload(self, lines: BinaryIO) -> str:
        """Send a file of requests; the provider's name for it."""
        with self._told("the file of requests was not taken"):
            return self._client.files.create(file=("requests.jsonl", lines), purpose="batch").id

    def create(self, file: str) -> str:
        """Make a batch of a file; the provider's name for it.

        Raises:
            RefusedError: It was not made.
            JudgeError: It may have been made.
        """
        with self._told("the batch was not made"):
            return self._client.batches.create(completion_window="24h", endpoint=ENDPOINT, input_file_id=file).id

    def find(self, file: str) -> str | None:
        """The batch that was made of a file, if there is one."""
        with self._told("its batches were not listed"):
            listed = islice(self._client.batches.list(limit=100), MOST_LISTED)
            return next((one.id for one in listed if one.input_file_id == file), None)

    def look(self, name: str) -> Told:
        """How a batch is."""
        with self._told(f"no word of batch {name}"):
            return self._client.batches.retrieve(name)

    def lines(self, file: str) -> Iterator[bytes | None]:
        """The lines of a file of replies, as they arrive; None for one that is too long."""
        with (
            self._told(f"file {file} was not read to its end"),
            self._client.files.with_streaming_response.content(file) as reply,
        ):
            yield from _split(reply.iter_bytes())

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except openai.APIStatusError as error:
            said = error.body.get("message") if isinstance(error.body, dict) else error.body
            kind = RefusedError if error.status_code in REFUSED else JudgeError
            raise kind(self._line(f"{what}: HTTP {error.status_code}: {str(said)[:1_000]}")) from None
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            cause = error.__cause__ or error
            raise JudgeError(self._line(f"{what}: {type(cause).__name__}: {cause}")) from None

    def _line(self, text: str) -> str:
        return self.key.line(f"{self._server}: {text}")


def _split(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Lines without their ends; of one that is longer than a reply may be, nothing is kept."""
    rest, too_long = b"", False
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield None if too_long else line
            too_long = False
        if len(rest) > LARGEST:
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long else rest
