"""Batches whose process is killed at any step: nothing is lost, and nothing is sent twice."""

import multiprocessing
import os
from collections import Counter

import pytest

from itl_bench.stages.judges import batch as batch_module
from itl_bench.stages.judges.batch import collect, submit
from itl_bench.stages.judges.batch_rows import Collected
from itl_bench.stages.judges.ledger import Ledger
from itl_bench.stages.judges.provider import BatchServer
from tests.helpers.asking import requests_for
from tests.helpers.batch_server import good_row

CANARY = "sk-canary-0123456789-abcdefghij"
PAID = (100 * 1.0 + 20 * 4.0) / 2e6  # a good row: half of the price


def sent(provider):
    """Keys in all batches."""
    return [key for name in provider.batches for key in provider.keys(name)]


class Killed(BaseException):
    """Nothing of the package catches it."""


STEPS = [
    (owner, name, after)
    for owner, name in (
        (batch_module, "enter"), (BatchServer, "upload"), (batch_module, "note_file"), (BatchServer, "create"),
        (batch_module, "note_name"), (BatchServer, "look"), (batch_module, "rows_of"), (BatchServer, "lines"),
        (batch_module, "enter_results"), (batch_module, "close"),
    ) for after in (False, True)
]  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "name", "after"), STEPS, ids=[f"{'after' if after else 'before'} {name}" for _, name, after in STEPS]
)
def test_killed_at_any_step_and_called_again(judge, path, provider, monkeypatch, owner, name, after):
    monkeypatch.setattr(batch_module, "AT_ONCE", 2)  # several pieces of the file of replies
    monkeypatch.setattr(batch_module, "MOST_ROWS", 5)  # and several batches
    asked, real = requests_for(*range(8)), getattr(owner, name)

    def killed(*arguments, **named):
        if after:
            real(*arguments, **named)
        raise Killed

    def night():
        with Ledger(path) as ledger:
            submit(judge, asked, ledger, "run", 1.0)
            for one in provider.batches:
                if provider.batches[one]["status"] == "in_progress":
                    provider.end(one, [good_row(key) for key in provider.keys(one)])
            return collect(judge, ledger)

    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(Killed):
        night()
    monkeypatch.setattr(owner, name, real)
    night()
    assert sorted(sent(provider)) == [str(number) for number in range(8)]
    with Ledger(path) as ledger:
        assert {one.outcome for one in ledger.get("01234567").values()} == {"score"}
        assert len(ledger.get("01234567")) == 8
        assert ledger.spent("run") == (pytest.approx(8 * PAID), 0, 0)
        assert ledger.totals()[0].others == 0
        assert collect(judge, ledger) == Collected()


def submit_and_die(judge, path, name):
    """A process of its own, which is gone right after a batch was made, before it could write down its name."""
    batch_module.note_name = lambda *arguments: os._exit(9)
    with Ledger(path) as ledger:
        submit(judge, requests_for(*range(4)), ledger, "run", 1.0)


def test_a_process_that_dies_after_the_batch_was_made(judge, path, provider):
    process = multiprocessing.get_context("spawn").Process(target=submit_and_die, args=(judge, path, "x"))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    assert list(provider.batches) == ["batch-0"]
    with Ledger(path) as ledger:
        assert submit(judge, requests_for(*range(4)), ledger, "run", 1.0) == ("batch-0",)
        assert list(provider.batches) == ["batch-0"]
        provider.end("batch-0", [good_row(key) for key in "0123"])
        assert collect(judge, ledger).outcomes == Counter(score=4)


# What a provider may answer
