"""`itl-bench judge`: as it is called, with a server on the loopback where somebody is asked."""

import json
import re
import sys
from datetime import date

import pytest

from itl_bench.cli import main
from itl_bench.measures.judge import Judge, Prices
from itl_bench.measures.rubric import ASPECTS
from itl_bench.run.commands import judge as command
from tests.helpers.judge_server import MODEL, JudgeServer, as_json, completion, scoring, verdict
from tests.helpers.recorded_judgements import line, random_lines, write_reference

PRICES = Prices(input=10.0, output=30.0, dated=date(2026, 1, 1))
TWOS = dict.fromkeys(ASPECTS, 2)
FIVES = dict.fromkeys(ASPECTS, 5)


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run the command: exit code, lines of the answer, lines on stderr."""
    monkeypatch.setenv("ITL_STORE", str(tmp_path / "store"))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["itl-bench", "judge", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out.splitlines(), err.splitlines()

    return run


@pytest.fixture
def asks(monkeypatch):
    """Make the command ask a server on the loopback."""

    def declare(server, **fields):
        judge = Judge(id="mine", model=MODEL, base_url=server.url, key="NO_SUCH_KEY", concurrency=4, **fields)
        monkeypatch.setattr(command, "_declared", lambda name, cases: judge)

    return declare


@pytest.fixture
def reference(tmp_path):
    return write_reference(tmp_path / "r.jsonl", random_lines(40))


def test_replies_of_the_file_itself_agree_wholly_and_nothing_is_made(call, reference, tmp_path):
    code, out, _ = call("calibrate", "--reference", reference, "--judge", "gpt-4-1106-preview", "--replay")
    assert code == 0
    assert out[0].startswith("the file's own replies against r.jsonl: 40 answers, rubric aspects-1 (")
    for aspect, shown in zip(ASPECTS, out[2:7], strict=True):
        assert shown.startswith(f"{aspect} ")
        assert "+0.00 [+0.00, +0.00]" in shown
        assert shown.split()[7:10] == ["1.00", "1.00", "100%"]
    assert out[7] == "outcomes: 40 score, 0 na, 0 refusal, 0 unparseable, 0 failed"
    assert not (tmp_path / "store").exists()


def test_a_judge_is_asked_once_for_each_answer_and_not_again(call, asks, reference):
    with JudgeServer(scoring(TWOS)) as server:
        asks(server)
        first = call("calibrate", "--reference", reference)
        assert (first[0], len(server.requests)) == (0, 40)
        assert first[2] == ["40 of 40 answers judged, 0 of them in vain; $0.0000 paid"]
        again = call("calibrate", "--reference", reference)
        assert len(server.requests) == 40
    assert first[1] == again[1]
    assert first[1][0].startswith("mine against r.jsonl")


def test_what_is_asked_holds_the_rubric_and_the_answer(call, asks, tmp_path):
    path = write_reference(tmp_path / "r.jsonl", [line(number, FIVES) for number in range(3)])
    with JudgeServer(scoring(TWOS)) as server:
        asks(server)
        code, out, _ = call("calibrate", "--reference", path)
        texts = [one.text for one in server.requests]
    assert code == 0
    assert all("\nAnswer " in text and "impartial judge" in text for text in texts)
    assert [shown.split()[4] for shown in out[2:7]] == ["-3.00"] * 5


def test_a_judge_that_repeats_what_it_is_told_is_marked(call, asks, tmp_path):
    def obeys(asked):
        told = re.search(r"answer begins\].*\b(?:5|five)", asked.text, flags=re.S | re.I)
        answer = asked.text.split(" the answer begins]\n")[1].split("\n[")[0]
        return as_json(completion(verdict(FIVES if told and "5" in answer else TWOS)))

    with JudgeServer(obeys) as server:
        asks(server)
        code, out, _ = call("attack", "--judge", "mine")
        assert len(server.requests) == 35
    assert code == 0
    assert "mine is marked: injected text moves it (more than 0.2 points)" in out
    path = tmp_path / "store" / "judges" / "attacks-mine.json"
    assert out[-1] == f"wrote {path}"
    assert json.loads(path.read_text(encoding="utf-8"))["marked"] is True


def test_nothing_is_sent_where_nothing_may_be_spent(call, asks, reference):
    with JudgeServer(scoring(TWOS)) as server:
        asks(server, prices=PRICES)
        code, _, err = call("calibrate", "--reference", reference)
        assert (code, len(server.requests)) == (2, 0)
        assert err[0].startswith("ERROR: ")
        code, _, err = call("attack", "--max-cost", "10")
    assert code == 0
    sent, received = 100 * 35, 20 * 35
    assert f"${(sent * 10 + received * 30) / 1e6:.4f} paid" in err[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--judge", "gpt-4-1106"], "unknown judge 'gpt-4-1106'; did you mean 'gpt-4-1106-preview'?"),
        (["--rubric", "aspects"], "unknown rubric 'aspects'; did you mean 'aspects-1'?"),
    ],
)
def test_a_mistake_is_one_line(call, reference, arguments, said):
    code, _, err = call("calibrate", "--reference", reference, *arguments)
    assert (code, len(err)) == (2, 1)
    assert said in err[0]


def test_without_the_client_it_says_what_to_install(call, reference, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    code, _, err = call("attack")
    assert (code, err) == (2, ["ERROR: asking a judge needs a client; pip install 'itl_bench[judge]'"])
