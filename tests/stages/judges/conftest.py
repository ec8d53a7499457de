"""Fixtures of the tests of judges: a ledger, and a key that must show nowhere."""

import logging

import httpcore2
import pytest

from itl_bench.stages.judges.ledger import Ledger
from tests.helpers.asked_judge import CERTIFICATES, KEY
from tests.helpers.asking import JUDGE
from tests.helpers.batch_server import BatchProvider
from tests.helpers.judge_server import MODEL, JudgeServer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "judgements.sqlite3"


@pytest.fixture
def ledger(path):
    with Ledger(path) as opened:
        yield opened


@pytest.fixture
def provider():
    """Of batches."""
    return BatchProvider()


@pytest.fixture
def server(provider):
    with JudgeServer(provider) as opened:
        yield opened


@pytest.fixture
def judge(server):
    return JUDGE.model_copy(update={"base_url": server.url, "model": MODEL})


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)


@pytest.fixture
def certificates(monkeypatch):
    """Read once: there are many clients here, and none of them needs any."""
    monkeypatch.setattr(httpcore2, "default_ssl_context", CERTIFICATES)


@pytest.fixture
def no_key_in_logs(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text
