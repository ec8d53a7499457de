"""A ledger whose file is damaged, newer, somebody else's or held: one line, and the file stays as it is."""

import sqlite3
from datetime import date

import pytest

from itl_bench.errors import ItlError, UsageError
from itl_bench.measures.judge import Judge, Prices
from itl_bench.stages.judges.judgement import Judgement, Usage
from itl_bench.stages.judges.ledger import Ledger

JUDGE = Judge(id="judge", model="judge-1", prices=Prices(input=1.0, output=4.0, dated=date(2026, 1, 1)))
SCORE = Judgement(outcome="score", scores={"depth": 4}, usage=Usage(sent=10, received=5), dollars=0.00003)
FAILED = Judgement(outcome="failed", detail="no reply")
OUTCOMES = ("score", "na", "refusal", "unparseable", "failed")


def one_line(call, *words):
    with pytest.raises(ItlError) as raised:
        call()
    told = str(raised.value)
    assert len(told.splitlines()) == 1
    assert all(word in told for word in words), told


@pytest.mark.parametrize("content", [b"no database at all, " * 300, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_that_is_damaged_is_one_line_and_stays(tmp_path, content):
    path = tmp_path / "judgements.sqlite3"
    path.write_bytes(content)
    one_line(lambda: Ledger(path), "judgements.sqlite3 is damaged", "nothing was deleted")
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("cut", [False, True])
def test_damage_anywhere_in_the_file_is_no_traceback(tmp_path, place, cut):
    path = tmp_path / "judgements.sqlite3"
    keys = [f"{number}" for number in range(300)]
    with Ledger(path) as ledger:
        account = ledger.account("run", 10.0, "judge")
        for key in keys:
            account.settle(account.reserve(0.01, key), 0.01, Usage(sent=1, received=1))
            ledger.put(key, JUDGE, SCORE)
    data = path.read_bytes()
    start = int(len(data) * place) // 4096 * 4096
    path.write_bytes(data[:start] if cut else data[:start] + b"\xa5" * 4096 + data[start + 4096 :])
    told = []
    try:
        with Ledger(path) as ledger:
            ledger.get(keys), ledger.totals(), ledger.spent("run"), ledger.mean_received("judge")
            ledger.put("new", JUDGE, SCORE)
    except ItlError as error:
        told = str(error).splitlines()
    assert told or not cut
    assert len(told) <= 1
    assert all("is damaged" in line for line in told)
    assert path.exists()


def test_a_row_that_is_damaged_is_one_line(ledger):
    ledger.put("a", JUDGE, SCORE)
    with ledger.changing() as database:
        database.execute("UPDATE judgements SET judgement = 'no JSON'")
    one_line(lambda: ledger.get(["a"]), "is damaged")
    one_line(lambda: ledger.mean_received("judge"), "is damaged")


def test_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "judgements.sqlite3"
    Ledger(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 7")
    database.close()
    one_line(lambda: Ledger(path), "has version 7", "reads 1")


def test_the_database_of_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "judgements.sqlite3"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (text)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="no ledger of judgements"):
        Ledger(path)
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_ledger(tmp_path):
    path = tmp_path / "judgements.sqlite3"
    path.touch()
    with Ledger(path) as ledger:
        assert ledger.totals() == []


def test_a_folder_in_its_place_is_one_line(tmp_path):
    one_line(lambda: Ledger(tmp_path), "cannot be opened or written")


def test_a_ledger_that_another_process_holds_for_too_long_is_one_line(tmp_path, monkeypatch):
    path = tmp_path / "judgements.sqlite3"
    monkeypatch.setattr("itl_bench.stages.judges.database.BUSY_SECONDS", 0.05)
    with Ledger(path) as one, Ledger(path) as other, one.changing():
        assert other.get(["a"]) == {}  # readers do not wait
        one_line(lambda: other.put("a", JUDGE, SCORE), "in use by other processes")
    with Ledger(path) as ledger:
        assert ledger.put("a", JUDGE, SCORE)


def test_a_transaction_is_all_or_nothing(ledger):
    class Stopped(BaseException):
        pass

    def stop():
        with ledger.changing() as database:
            database.execute("INSERT INTO claims VALUES ('a', 't', '{}', 0)")
            raise Stopped

    with pytest.raises(Stopped):
        stop()
    with ledger.changing() as database:
        assert database.execute("SELECT COUNT(*) FROM claims").fetchone() == (0,)
