"""How fast a judge is asked."""

import asyncio

import pytest

from itl_bench.stages.judges.limits import Limits, TooLongError, exhausted, retry_after
from tests.helpers.made_time import MadeTime

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        *[("3", 3), ("0", 0), ("1.5", 1.5), ("300", 300), ("-5", 0)],
        *[("Tue, 14 Nov 2023 22:13:50 GMT", 30), ("Tue, 14 Nov 2023 22:13:00 GMT", 0)],
        *[("", None), ("soon", None), ("nan", None), ("inf", None), ("9" * 400, None)],
        *[("Tue, 99 Nov 2023 22:13:50 GMT", None), ("Tue, 14 Nov 99999 22:13:50 GMT", None)],
    ],
)
def test_a_wait_is_read_as_seconds_or_a_date(said, seconds):
    assert retry_after({"retry-after": said}, NOW) == seconds


def test_a_wait_may_be_missing_or_in_milliseconds():
    assert retry_after({}, NOW) is None
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}, NOW) == 1.5


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        *[("1s", 1), ("6m0s", 360), ("17ms", 0.017), ("1h2m3.5s", 3723.5), ("2m", 120), ("12", 12), ("0.5", 0.5)],
        *[("", None), ("later", None), ("1d", None), ("2026-01-01T00:00:00Z", None)],
    ],
)
@pytest.mark.parametrize("kind", ["requests", "tokens"])
def test_a_reset_is_read_where_nothing_is_left(kind, reset, seconds):
    assert exhausted({f"x-ratelimit-remaining-{kind}": "0", f"x-ratelimit-reset-{kind}": reset}) == seconds
    assert exhausted({f"x-ratelimit-remaining-{kind}": "1", f"x-ratelimit-reset-{kind}": reset}) is None


def test_the_longer_reset_counts():
    names = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}
    assert exhausted(names | {"x-ratelimit-reset-requests": "3s", "x-ratelimit-reset-tokens": "1m"}) == 60


def times(limits, made, number, tokens=1, held=0.0, after=lambda: None):
    """When each of so many requests is sent."""
    sent = []

    async def one():
        async with limits.turn(tokens):
            sent.append(made.now)
            after()
            await made.sleep(held) if held else None

    async def all_of_them():
        await asyncio.gather(*(one() for _ in range(number)))

    asyncio.run(asyncio.wait_for(all_of_them(), 10))
    return sent


def made_limits(concurrency=4, **limits):
    made = MadeTime()
    return Limits(concurrency, clock=made.clock, sleep=made.sleep, **limits), made


def test_only_so_many_are_asked_at_a_time():
    limits, _ = made_limits(3)
    now, most = 0, 0

    async def one():
        nonlocal now, most
        async with limits.turn(1):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    async def all_of_them():
        await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(all_of_them())
    assert most == 3


def test_without_limits_nobody_waits():
    limits, made = made_limits()
    assert times(limits, made, 50) == [0.0] * 50


def test_requests_a_minute_are_spread_evenly():
    limits, made = made_limits(requests_per_minute=30)
    assert times(limits, made, 5) == pytest.approx([0, 2, 4, 6, 8])


def test_tokens_a_minute_are_spread_evenly():
    limits, made = made_limits(tokens_per_minute=6000)
    assert times(limits, made, 4, tokens=500) == pytest.approx([0, 5, 10, 15])


def test_tokens_that_were_not_used_come_back():
    limits, made = made_limits(tokens_per_minute=6000)
    assert times(limits, made, 4, tokens=500, after=lambda: limits.used(500, 100)) == pytest.approx([0, 1, 2, 3])


def test_in_no_minute_are_there_more_requests_than_declared():
    limits, made = made_limits(16, requests_per_minute=60)
    sent = times(limits, made, 150, held=0.7)
    assert max(sum(start <= one < start + 60 for one in sent) for start in sent) <= 60


def test_a_pause_is_for_all_and_the_longest_counts():
    limits, made = made_limits()
    limits.pause(10)
    limits.pause(3)
    assert limits.waited == 10
    assert min(times(limits, made, 6)) == 10


def test_a_pause_that_is_too_long_is_said_and_not_waited():
    limits, made = made_limits(longest_wait=120)
    limits.pause(300)
    with pytest.raises(TooLongError, match="asks to wait 300 seconds"):
        times(limits, made, 1)
    made.now = 200  # by now the rest of it is short enough
    assert times(limits, made, 1) == [300]


def test_too_many_slows_everybody_down_once_for_each_pause():
    limits, made = made_limits()
    for _ in range(5):  # all that were on their way
        limits.too_many(1)
    assert times(limits, made, 4) == pytest.approx([1, 1.05, 1.10, 1.15])
    made.now = 10
    limits.too_many(1)
    assert times(limits, made, 3) == pytest.approx([11, 11.1, 11.2])


def test_replies_that_are_well_make_it_faster_up_to_what_is_declared():
    limits, made = made_limits(requests_per_minute=600)
    limits.too_many(1)
    assert times(limits, made, 3) == pytest.approx([1, 1.2, 1.4])
    for _ in range(100):
        limits.well()
    made.now = 100
    assert times(limits, made, 3) == pytest.approx([100, 100.1, 100.2])


def test_without_a_declared_rate_the_gaps_vanish_again():
    limits, made = made_limits()
    limits.too_many(1)
    for _ in range(100):
        limits.well()
    assert times(limits, made, 20) == [1.0] * 20
