"""Asks a judge over HTTP: within its limits, within the budget, again where that helps, and never silently."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from itl_bench.errors import JudgeError
from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.faults import (
    CutError,
    Fault,
    PassingFault,
    RefusedFieldError,
    StopError,
    TooManyError,
    bound_reply,
    of_connection,
    of_status,
)
from itl_bench.stages.judges.judgement import Judgement, Money, Request, Usage
from itl_bench.stages.judges.key import read_key, server_of
from itl_bench.stages.judges.limits import Limits, TooLongError, exhausted
from itl_bench.stages.judges.payload import payload, size_of
from itl_bench.stages.judges.reply import judged, read_body, usage_of

NOTHING = Usage(sent=0, received=0)


@dataclass
class _Bill:
    """What a request has cost so far."""

    dollars: float = 0.0
    attempts: int = 0
    cut: int = 0  # replies that ended at the most tokens
    usage: Usage | None = None  # of the last attempt


class JudgeClient:
    """A judge behind an OpenAI-compatible server; an asynchronous context manager, of one event loop.

    Attributes:
        judge: Who is asked.
        limits: Shared by all requests.
        in_plain: Requests that were sent without a schema, because the server refused one.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        attempts: int = 6,
        longest_wait: float = 120.0,
        generator: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Nothing is sent yet.

        Args:
            judge: Whom to ask.
            attempts: Most requests for one judgement.
            longest_wait: Seconds; a server that asks for more patience fails the requests that meet it.
            generator: Of the jitter between attempts.
            clock: Seconds that never go back.
            sleep: How to wait between attempts.

        Raises:
            JudgeError: Its key is not in the environment, or its server's address is none.
        """
        self.judge, self.in_plain = judge, 0
        self.limits = Limits(
            judge.concurrency, judge.requests_per_minute, judge.tokens_per_minute, longest_wait, clock, sleep
        )
        self._key = read_key(judge)
        self._attempts, self._longest_wait, self._sleep = attempts, longest_wait, sleep
        self._generator = generator or Random(0)
        self._refused: set[str] = set()  # fields that the server does not take
        self._stopped = ""  # why no request can succeed any more

    async def __aenter__(self) -> "JudgeClient":
        local = self.judge.is_local
        http = openai.DefaultAsyncHttpxClient(
            timeout=self.judge.timeout,
            follow_redirects=False,  # prompts and keys go where they are told to, and nowhere else
            trust_env=not local,  # no proxy between this machine and itself
            event_hooks={"response": [bound_reply]},
        )
        self._client = openai.AsyncOpenAI(
            api_key=self._key.value,
            base_url=self.judge.base_url,
            max_retries=0,
            timeout=self.judge.timeout,
            http_client=http,
            default_headers={"Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.close()

    async def ask(self, request: Request, money: Money) -> Judgement:
        """Ask for one judgement, more than once where a fault may pass.

        Args:
            request: What to ask.
            money: Each attempt is reserved before it is sent, and settled after.

        Returns:
            What became of it; a request that fails is `failed`, with a detail.

        Raises:
            JudgeError: No request to this judge can succeed.
            BudgetError: The budget does not hold an attempt; it was not sent.
        """
        bill = _Bill()
        try:
            judgement: Judgement = await self._retrying(bill)(self._attempt, request, money, bill)
        except StopError as fault:
            self._stopped = self._key.line(fault.detail)
            raise JudgeError(self._stopped) from None
        except Fault as fault:
            usage = None if fault.outcome == "failed" else bill.usage
            judgement = Judgement(outcome=fault.outcome, detail=fault.detail, usage=usage)
        except TooLongError as error:
            judgement = Judgement(outcome="failed", detail=self._too_long(error))
        return judgement.model_copy(
            update={
                "dollars": bill.dollars,
                "attempts": bill.attempts,
                "detail": self._key.line(judgement.detail),
                "reasons": {column: self._key.out_of(reason) for column, reason in judgement.reasons.items()},
            }
        )

    def _retrying(self, bill: _Bill) -> AsyncRetrying:
        def helps(error: BaseException) -> bool:
            return isinstance(error, PassingFault) and not (isinstance(error, CutError) and bill.cut > 1)

        return AsyncRetrying(
            stop=stop_after_attempt(self._attempts),
            retry=retry_if_exception(helps),
            wait=self._back_off,
            sleep=self._sleep,
            reraise=True,
        )

    def _back_off(self, state: RetryCallState) -> float:
        """Seconds before the next attempt; the pauses that a server asks for are for all, and kept by the limits."""
        error = state.outcome.exception() if state.outcome else None
        at_once = isinstance(error, (TooManyError, RefusedFieldError))
        return 0.0 if at_once else self._patience(state.attempt_number)

    def _patience(self, attempt: int) -> float:
        """Twice as many seconds each time, with jitter."""
        return min(self._longest_wait, 2.0 ** (attempt - 1)) * self._generator.uniform(0.5, 1.0)

    async def _attempt(self, request: Request, money: Money, bill: _Bill) -> Judgement:
        """Send it once; whatever becomes of that, its reservation is settled."""
        sent = size_of(payload(self.judge, request, self._refused))
        most, bound = sent + self.judge.max_tokens, self.judge.bound(sent)
        async with self.limits.turn(most):
            if self._stopped:
                raise StopError(self._stopped)
            reservation = money.reserve(bound, request.key)
            bill.attempts += 1
            bill.usage = None
            try:
                # Made once more: while this one waited, another may have learned what the server does not take.
                reply = await self._post(payload(self.judge, request, self._refused), bill)
                bill.usage = usage_of(reply)
                return judged(reply, self.judge, request)
            except Fault as fault:
                bill.usage = bill.usage if fault.paid else NOTHING
                bill.cut += isinstance(fault, CutError)
                raise
            finally:
                usage, dollars = bill.usage, self._dollars(bill.usage, bound)
                bill.dollars += dollars
                money.settle(reservation, dollars, usage)
                self.limits.used(most, usage.sent + usage.received if usage else most)

    async def _post(self, body: dict[str, Any], bill: _Bill) -> dict[str, Any]:
        """The body of the reply, all of which is here within the judge's timeout."""
        self.in_plain += self.judge.structured and "response_format" not in body
        try:
            async with asyncio.timeout(self.judge.timeout):
                raw = await self._client.chat.completions.with_raw_response.create(**body)
        except openai.APIStatusError as error:
            fault = of_status(error, self.judge.model, server_of(self.judge.base_url), self.judge.key)
            raise self._learned(fault, body, bill) from None
        except Exception as error:  # whatever the library and those below it raise: the connection is in question
            raise of_connection(error, self.judge.timeout) from None
        self.limits.well()
        if wait := exhausted(raw.headers):
            self.limits.pause(min(wait, self._longest_wait))
        return read_body(raw.content)

    def _learned(self, fault: Fault, body: dict[str, Any], bill: _Bill) -> Fault:
        """What a fault means for all other requests, and whether it passes after all."""
        if isinstance(fault, RefusedFieldError):
            self._refused.add(fault.field)
            return fault if fault.field in body else Fault(fault.detail, paid=False)
        if isinstance(fault, TooManyError):
            seconds = self._patience(bill.attempts) if fault.seconds is None else fault.seconds
            self.limits.too_many(seconds)
            if seconds > self._longest_wait:
                return Fault(self._too_long(TooLongError(seconds)), paid=False)
        return fault

    def _too_long(self, error: TooLongError) -> str:
        return f"{error}; no more than {self._longest_wait:g} are waited: run again later"

    def _dollars(self, usage: Usage | None, bound: float) -> float:
        """What an attempt cost; the most that it can have, where that is not known."""
        if usage is None or self.judge.prices is None:
            return bound
        return self.judge.prices.dollars(usage.sent, usage.received)
