"""Recorded verdicts that are none: missing, no YAML, another shape, unknown words."""

import pytest

from itl_bench.errors import UsageError
from itl_bench.run.recording.expectations import SHOWN, load
from tests.helpers.broken_catalog import assert_says, checked

CASE = "C10a-published-phi1.5-all-datasets-lora-vs-full-aspects"  # a dot in an id is no step into the data
HEAD = "recorded_from: {run: r, finished: f, version: v, catalog: c}\n"
GOOD = f"{HEAD}cases:\n  {CASE}: {{verdict: REFUTED, expect: greater, effect: -0.1, ci_low: -0.2, ci_high: 0.0}}\n"
KINDS = {
    "empty": ("", ["the file is empty"]),
    "no YAML": ("cases: [", ["not valid YAML"]),
    "a list": ("- REFUTED\n", ["expected a mapping", "found a list"]),
    "text": ("REFUTED\n", ["expected a mapping", "found text"]),
    "not UTF-8": (b"cases: \xff\n", [":1: not UTF-8 text (byte 0xff)"]),
    "no cases": (HEAD, ["the key 'cases' is missing; add it"]),
    "misspelt cases": (GOOD.replace("cases:", "casses:"), ["unknown key 'casses'", "did you mean 'cases'?"]),
    "list of cases": (HEAD + "cases: [REFUTED]\n", ["cases: ['REFUTED'] was given; accepted is a mapping"]),
    "text for a case": (HEAD + f"cases: {{{CASE}: REFUTED}}\n", [f"cases.{CASE}: 'REFUTED' was given", "a mapping"]),
    "unknown verdict": (
        GOOD.replace("REFUTED", "REFUTD"), [f"cases.{CASE}.verdict: unknown value 'REFUTD'", "'REFUTED'?"],
    ),
    "verdict in small letters": (
        GOOD.replace("REFUTED", "refuted"), ["unknown value 'refuted'; did you mean 'REFUTED'?"],
    ),
    "unknown key": (GOOD.replace("ci_low", "ci_lo"), [f"cases.{CASE}: unknown key 'ci_lo'", "did you mean 'ci_low'?"]),
    "no verdict": (GOOD.replace("verdict: REFUTED, ", ""), [f"cases.{CASE}: the key 'verdict' is missing; add it"]),
    "no value": (GOOD.replace("-0.1", ""), [f"cases.{CASE}.effect: no value is given"]),
    "NaN": (GOOD.replace("-0.1", ".nan"), [f"cases.{CASE}.effect: nan was given; accepted is a finite number"]),
    "infinite": (GOOD.replace("-0.2", "-.inf"), [f"cases.{CASE}.ci_low: -inf was given; accepted is a finite number"]),
    "text for a number": (GOOD.replace("-0.1", "low"), [f"cases.{CASE}.effect: 'low' was given; accepted is a number"]),
    "no source": (GOOD.replace(", catalog: c", ""), ["recorded_from: the key 'catalog' is missing"]),
}  # fmt: skip


def lines_of(path):
    with pytest.raises(UsageError) as caught:
        load(path)
    return checked(str(caught.value))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_with_recorded_verdicts_is_one_clear_line(tmp_path, kind):
    text, parts = KINDS[kind]
    path = tmp_path / "published.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (line,) = lines_of(path)
    assert_says(line, str(path), *parts)


def test_the_unbroken_file_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    assert load(tmp_path / "a.yaml").cases[CASE].effect == -0.1


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_missing_file_says_what_writes_one(tmp_path, name):
    (line,) = lines_of(tmp_path / name)
    assert_says(line, f"--itl-expect: no file {tmp_path / name}", "write one with `itl-bench baseline accept RECORD`")


@pytest.mark.parametrize("wrong", [2, SHOWN, SHOWN + 3])
def test_several_wrong_cases_are_reported_at_once_and_counted(tmp_path, wrong):
    cases = "".join(f"  C{number:02}: {{verdict: MAYBE, expect: greater}}\n" for number in range(wrong))
    (tmp_path / "a.yaml").write_text(f"{HEAD}cases:\n{cases}", encoding="utf-8")
    lines = lines_of(tmp_path / "a.yaml")
    assert len(lines) == min(wrong, SHOWN + 1)
    assert "cases.C01.verdict" in lines[1]
    if wrong > SHOWN:
        assert lines[-1] == f"{tmp_path / 'a.yaml'}: 3 more mistakes"
