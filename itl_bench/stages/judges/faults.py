"""What can go wrong with a request to a judge, and which of it is worth another try."""

import re
import time
from collections.abc import AsyncIterator, Mapping

import openai
from httpx2 import AsyncByteStream, Response

from itl_bench.measures.judge import Outcome
from itl_bench.stages.judges.limits import exhausted, retry_after

LARGEST = 4 * 2**20  # bytes of a reply
NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
FILTERED = {"content_filter", "content_policy_violation"}
NO_SCHEMA = re.compile(r"response_format|json_schema|\bstrict\b|structured.?output", re.I)


class Fault(Exception):  # noqa: N818 - what became of an attempt, not always an error
    """An attempt that gave no scores, and is the last one.

    Attributes:
        detail: What happened; text from outside in it is neither cut nor clean.
        outcome: Of the request.
        paid: Whether it may have been paid for; what is refused at once is not.
    """

    def __init__(self, detail: str, outcome: Outcome = "failed", paid: bool = True) -> None:
        super().__init__(detail)
        self.detail, self.outcome, self.paid = detail, outcome, paid


class PassingFault(Fault):
    """One that another try may not meet; the outcome is for when there is no try left."""


class TooManyError(PassingFault):
    """The server asks for patience.

    Attributes:
        seconds: How much; None where it does not say.
    """

    def __init__(self, seconds: float | None, detail: str) -> None:
        super().__init__(detail, paid=False)
        self.seconds = seconds


class RefusedFieldError(PassingFault):
    """The server does not take a field of the request.

    Attributes:
        field: Its name.
    """

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, paid=False)
        self.field = field


class CutError(PassingFault):
    """The reply ended at the most tokens."""


class StopError(Fault):
    """No request to this judge can succeed."""


class TooLargeError(openai.OpenAIError):
    """A reply without end."""


class _Counted(AsyncByteStream):
    """The bytes of a reply, as long as they are few enough."""

    def __init__(self, stream: AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > LARGEST:
                raise TooLargeError(f"a reply of more than {LARGEST:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound_reply(response: Response) -> None:
    """A hook for replies: none may be larger than `LARGEST`, nor packed, since its size is not known then."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise TooLargeError("a reply that is compressed, which was not asked for")
    if isinstance(response.stream, AsyncByteStream):
        response.stream = _Counted(response.stream)


def of_connection(error: Exception, timeout: float) -> Fault:
    """A reply that did not come, or not to its end."""
    if isinstance(error, (TimeoutError, openai.APITimeoutError)):
        return PassingFault(f"no whole reply within {timeout:g} seconds")
    if isinstance(error, TooLargeError):
        return Fault(str(error))
    cause = error.__cause__ or error
    return PassingFault(f"the connection failed: {type(cause).__name__}: {cause}")


def of_status(error: openai.APIStatusError, model: str, server: str, variable: str) -> Fault:
    """A reply that is an error, by its status and what it says.

    Args:
        error: Of the library.
        model: What the server calls the judge.
        server: Its host.
        variable: Name of the environment variable of the key.
    """
    status, codes = error.status_code, {error.code, error.type}
    said = f"HTTP {status}: {_message(error)}"
    if status == 402 or codes & NO_CREDIT:
        return StopError(f"{server} gives {model!r} no more credit ({said}); add some and run again", paid=False)
    if status in (400, 403) and codes & FILTERED:
        return Fault(f"the server filters the request ({said})", "refusal", paid=False)
    if status in (401, 403):  # what the server says may quote the key
        return StopError(f"{server} refuses the key in {variable} for {model!r} (HTTP {status})", paid=False)
    if status == 404:
        return StopError(f"{server} has no model {model!r} ({said}); see the judge's model and base_url", paid=False)
    if 300 <= status < 400:
        return StopError(f"{server} sends {model!r} elsewhere (HTTP {status}); see the judge's base_url", paid=False)
    if status == 429:
        return TooManyError(_wait(error.response.headers), f"too many requests ({said})")
    if status in (400, 422) and (field := _refused(error)):
        return RefusedFieldError(field, said)
    if status in (408, 409, 425) or status >= 500:  # behind a 502 the judge may have answered
        return PassingFault(said)
    return Fault(said, paid=False)


def _refused(error: openai.APIStatusError) -> str | None:
    said = f"{error.param} {_message(error)}"
    if "max_completion_tokens" in said:
        return "max_tokens"
    return "response_format" if NO_SCHEMA.search(said) else None


def _wait(headers: Mapping[str, str]) -> float | None:
    asked = retry_after(headers, time.time())
    return exhausted(headers) if asked is None else asked


def _message(error: openai.APIStatusError) -> str:
    said = error.body.get("message") if isinstance(error.body, dict) else error.body
    return str(said)[:2_000]
