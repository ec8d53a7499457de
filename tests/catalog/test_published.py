"""One wrong thing in one CSV file: one line with file, line number, column, value and what is accepted."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.published import HEADERS, read_csv
from itl_bench.errors import UsageError
from tests.helpers.broken_catalog import assert_says, change, checked, copied, the_complaint

ASPECTS, TASKS, SHIFT = "aspect_scores.csv", "task_scores.csv", "token_shift.csv"
START, FIGURES, JUDGE = "sentence_start_kl.csv", "other_figures.csv", "judge_scores.csv"
ROW = "llama7b,lora,dolly,15k,just-eval,2.67,3.29,3.02,1.77,2.09,\n"
CELL = "kl,llama7b,lora,alpaca,1k,0.132\n"
PROBABILITY, RANK = "base_prob,llama7b,lora,alpaca,1k,", "base_rank0,llama7b,lora,alpaca,1k,"
ROW_START = "llama7b,lora,1k,0.48,0.13\n"
# id -> file, what is replaced, by what, line that is named, what the line must say
KINDS = {
    "misspelt column": (
        ASPECTS, "clarity", "clarety", 1, ["unknown column 'clarety'", "'clarity'?", "model,method,dat"],
    ),
    "missing column": (ASPECTS, ",size", "", 1, ["the column 'size' is missing", "expected the header model,method,"]),
    "columns in another order": (START, "model,method", "method,model", 1, ["found method,model,size"]),
    "no header": (
        START, "model,method,size,kl_first_5_percent,kl_last_95_percent\n", "", 1, ["unknown column 'llama7b'"],
    ),
    "extra cell": (ASPECTS, ROW, ROW.replace(",\n", ",,\n"), 2, ["12 cells where the header has 11"]),
    "short row": (ASPECTS, ROW, ROW.replace("2.09,", "2.09"), 2, ["10 cells where the header has 11"]),
    "blank line": (ASPECTS, ROW, ROW + "\n", 3, ["0 cells where the header has 11"]),
    "semicolons": (
        START, ROW_START, ROW_START.replace(",", ";") * 2, 2, ["1 cells where the header has 5 (and 1 more"],
    ),
    "decimal comma": (START, "0.48", '"0,48"', 2, ["kl_first_5_percent: '0,48' was given"]),
    "text for a number": (
        ASPECTS, "2.67", "high", 2, ["helpfulness: 'high' was given; accepted is a number from 1 to 5"],
    ),
    "empty number": (ASPECTS, "2.67", "", 2, ["helpfulness: '' was given"]),
    "NaN": (ASPECTS, "2.67", "nan", 2, ["helpfulness: 'nan' was given; accepted is a number from 1 to 5"]),
    "infinite score": (ASPECTS, "2.67", "inf", 2, ["helpfulness: 'inf' was given"]),
    "infinite figure": (FIGURES, "0.418", "inf", 10, ["value: 'inf' was given; accepted is a finite number"]),
    "number with an underscore": (SHIFT, "0.132", "0.1_32", 2, ["value: '0.1_32' was given"]),
    "score above the scale": (
        ASPECTS, "2.67", "6.0", 2, ["helpfulness: '6.0' was given", "a number from 1 to 5"],
    ),
    "score below the scale": (TASKS, "2.37", "0.9", 2, ["coding: '0.9' was given; accepted is a number from 1 to 5"]),
    "judge's score above the scale": (JUDGE, "0,5,5", "0,5,50", 2, ["clarity: '50' was given"]),
    "probability above 1": (SHIFT, PROBABILITY, PROBABILITY + "1", None, ["accepted is a number from 0 to 1"]),
    "negative rank": (SHIFT, RANK, RANK + "-", None, ["value: '-", "accepted is a number from 0 to inf"]),
    "divergence of zero": (SHIFT, "0.132", "0", 2, ["value: '0' was given; accepted is a number from 1e-09"]),
    "negative divergence": (START, "0.48", "-0.48", 2, ["kl_first_5_percent: '-0.48' was given"]),
    "zero at the end of the sentence": (START, "0.13\n", "0\n", 2, ["kl_last_95_percent: '0' was given"]),
    "percent above 100": (FIGURES, "81.2", "812", 2, ["value: '812' was given; accepted is a number from 0 to 100"]),
    "length of nothing": (FIGURES, "2504.01", "0", 17, ["value: '0' was given; accepted is a number from 1 to inf"]),
    "one cell of a trend": (
        FIGURES, "c15,lima,output", "c15,lma,output", None,
        ["published.0: other_figures.csv gives only one", "for lima, lma"],
    ),
    "unknown model": (ASPECTS, "llama7b,", "lama7b,", 2, ["model: unknown model 'lama7b'", "'llama7b'?"]),
    "unknown method": (ASPECTS, ",lora,", ",lroa,", 2, ["method: unknown method 'lroa'", "did you mean 'lora'?"]),
    "unknown dataset": (ASPECTS, ",dolly,", ",doly,", 2, ["dataset: unknown dataset 'doly'", "did you mean 'dolly'?"]),
    "no dataset": (ASPECTS, ",dolly,15k,", ",,,", 2, ["dataset: unknown dataset ''"]),
    "unknown size": (
        ASPECTS, ",dolly,15k,", ",dolly,15,", 2, ["size: unknown size of dolly '15'", "did you mean '15k'?"],
    ),
    "unknown size of all datasets": (START, ",1k,", ",1kk,", 2, ["size: unknown size '1kk'", "did you mean '1k'?"]),
    "size of a chat model": (ASPECTS, "chat,chat,,,", "chat,chat,,1k,", 149, ["size: unknown size '1k'"]),
    "unknown probe": (
        ASPECTS, "just-eval,2.67", "just-evil,2.67", 2, ["probe: unknown probe 'just-evil'", "'just-eval'?"],
    ),
    "unknown metric": (SHIFT, "kl,llama7b", "k1,llama7b", 2, ["metric: unknown metric 'k1'", "did you mean 'kl'?"]),
    "unknown flag": (
        ASPECTS, "2.67,3.29,3.02,1.77,2.09,", "2.67,3.29,3.02,1.77,2.09,duplicate", 2, ["flag: unknown flag 'dupl"],
    ),
    "repeated score row": (ASPECTS, ROW, ROW + ROW, 3, ["llama7b/lora/dolly/15k/just-eval stands in line 2 already"]),
    "repeated cell": (SHIFT, CELL, CELL + CELL, 3, ["kl/llama7b/lora/alpaca/1k stands in line 2 already"]),
    "repeated mean": (START, ROW_START, ROW_START * 2, 3, ["llama7b/lora/1k stands in line 2 already"]),
    "repeated figure": (FIGURES, "c14,full,marginal", "c14,full,shifted", 3, ["stands in line 2 already"]),
    "quote left open": (
        ASPECTS, ",dolly,15k", ',"dolly,15k', 2, ["not valid CSV: unexpected end of data; check the quotes"],
    ),
    "text after a quote": (ASPECTS, ",dolly,15k", ',"dolly"x,15k', 2, ["not valid CSV", "check the quotes"]),
    "not UTF-8": (ASPECTS, b"dolly,15k", b"d\xf6lly,15k", 2, ["not UTF-8 text (byte 0xf6); save the file as UTF-8"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_table_is_one_clear_line(tmp_path, kind):
    file, old, new, line, parts = KINDS[kind]
    folder = copied(tmp_path)
    change(folder, f"published/{file}", old, new)
    where = f"{folder / 'published' / file}:{line}: " if line else file
    assert_says(the_complaint(folder), where, *parts)


@pytest.mark.parametrize(
    ("content", "part"),
    [("", "the file is empty"), ("\n \n", "the file is empty"), (",".join(HEADERS["token_shift"]) + "\n", "no rows")],
    ids=["empty", "blank", "header only"],
)
def test_a_table_without_rows_says_what_is_expected(tmp_path, content, part):
    folder = copied(tmp_path)
    (folder / "published" / SHIFT).write_text(content, encoding="utf-8")
    assert_says(the_complaint(folder), SHIFT, "expected the header metric,model,method,dataset,size,value", part)


def test_a_judge_without_a_spread_is_refused_before_any_case(tmp_path):
    folder = copied(tmp_path)
    (folder / "published" / JUDGE).write_text(",".join(HEADERS["judge_scores"]) + "\n0,5,5,4,3,\n1,5,5,4,3,3\n")
    assert_says(the_complaint(folder), JUDGE, "engagement: 1 scores; a spread needs 2 or more")


@pytest.mark.parametrize("how", ["byte order mark", "line ends of Windows", "no line end at the end", "quoted cells"])
def test_what_a_spreadsheet_writes_is_accepted(tmp_path, how):
    folder = copied(tmp_path)
    path = folder / "published" / ASPECTS
    data = path.read_bytes()
    changed = {
        "byte order mark": b"\xef\xbb\xbf" + data,
        "line ends of Windows": data.replace(b"\n", b"\r\n"),
        "no line end at the end": data.rstrip(b"\n"),
        "quoted cells": data.replace(b",dolly,", b',"dolly",'),
    }[how]
    assert changed != data
    path.write_bytes(changed)
    assert load_catalog(folder=folder).tables == load_catalog().tables


def test_a_cell_of_two_lines_does_not_shift_the_numbers_of_lines(tmp_path):
    path = tmp_path / FIGURES
    path.write_text('claim,cell,quantity,value\nc1,"two\nlines",q,1\nc2,short\n', encoding="utf-8")
    problems = []
    read_csv(path, HEADERS[path.stem], problems)
    assert problems == [f"{path}:4: 2 cells where the header has 4"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("mutated"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    file=st.sampled_from([f"{name}.csv" for name in HEADERS]),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_a_random_byte_in_a_table_loads_or_is_one_clear_error(scratch, file, place, byte):
    path = scratch / "published" / file
    data = path.read_bytes()
    at = int(place * len(data))
    path.write_bytes(data[:at] + bytes([byte]) + data[at + 1 :])
    message = ""
    try:
        build_grid(load_catalog(folder=scratch))
    except UsageError as error:
        message = str(error)
    finally:
        path.write_bytes(data)
    assert not message or file in message or "published" in message
    checked(message)
