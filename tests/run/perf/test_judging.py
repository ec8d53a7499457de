"""The speed of asking a judge: what is told of it."""

import pytest

from itl_bench.run.perf.judging import judging_speed


def test_a_small_measurement():
    speed = judging_speed(10, 4, 0.05)
    assert (speed.judgements, speed.ideal) == (10, pytest.approx(0.15))  # 4, 4 and 2
    assert 0 < speed.share <= 1
    assert speed.processor > 0
    assert 0 <= speed.waiting <= speed.seconds
    assert min(speed.memory, speed.memory_end, speed.peak) > 0
