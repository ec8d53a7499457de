"""Templates are programs of other people: they give the same text every day, and cannot hang or flood a run."""

import datetime
import random
import threading

import pytest
import transformers.utils.chat_template_utils as library

from itl_bench.data.tokens import rendering
from itl_bench.data.tokens.chat import chat_prompt
from itl_bench.data.tokens.rendering import rendered
from itl_bench.errors import ItlError
from tests.helpers.tiny_tokenizers import CHATML, qwen_like

DATED = "{{ 'Today Date: ' + strftime_now('%d %b %Y') + '\n' }}" + CHATML


def tokenizer_with(template):
    tokenizer = qwen_like()
    tokenizer.chat_template = template
    return tokenizer


def test_a_prompt_is_the_same_on_every_day(monkeypatch):
    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime(2031, 3, 2, tzinfo=tz or datetime.UTC)

    before = rendered(tokenizer_with(DATED), ["Hi"])
    monkeypatch.setattr(library, "datetime", Later)
    assert rendered(tokenizer_with(DATED), ["Hi"]) == before
    assert before.startswith("Today Date: 26 Jul 2024\n")


def test_a_date_inside_a_macro_is_fixed_too():
    template = "{% macro day() %}{{ strftime_now('%Y-%m-%d') }}{% endmacro %}{{ day() }}" + CHATML
    assert rendered(tokenizer_with(template), ["Hi"]).startswith("2024-07-26")


def test_a_template_that_writes_something_else_each_time_is_refused():
    random.seed(1)
    with pytest.raises(ItlError, match=r"does not write the same every time.*'alpaca' or 'plain'"):
        chat_prompt(tokenizer_with("{{ range(10**5) | random }}" + CHATML), ["Hi"])


@pytest.mark.parametrize("printing", ["{{ raise_exception }}", "{{ messages | map(attribute='role') }}"])
def test_a_template_that_writes_an_address_in_memory_is_refused(printing):
    with pytest.raises(ItlError, match="does not write the same every time"):
        chat_prompt(tokenizer_with(printing + CHATML), ["Hi"])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero"),
        ("{{ messages[0].nothing.more }}", "has no attribute"),
        ("{{ messages[9]['content'] + 'a' }}", "no element 9"),
        ("{{ 'a' + 1 }}", "TypeError"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
        ("{{ raise_exception('first\nsecond') }}", "first second"),
        ("{{ raise_exception('\\x1b[2Jhello') }}", ": [2Jhello"),
        ("{% for %}", "Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_whatever_a_template_raises_is_one_line(template, message):
    with pytest.raises(ItlError, match=r"chat template fails: .*'alpaca' or 'plain'") as caught:
        rendered(tokenizer_with(template), ["Hi"])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "endless",
    [
        "{% for a in range(9**5) %}{% for b in range(9**5) %}{% set c = a %}{% endfor %}{% endfor %}",
        "{% set a = 10 ** (10 ** 8) %}",
    ],
)
def test_a_template_that_would_run_on_is_stopped(endless, monkeypatch):
    monkeypatch.setattr(rendering, "SECONDS", 0.2)
    with pytest.raises(ItlError, match=r"it takes more than 0.2 seconds of the processor"):
        rendered(tokenizer_with(endless), ["Hi"])
    assert rendered(tokenizer_with(CHATML), ["Hi"]).endswith("assistant\n")


def test_a_template_that_would_fill_the_memory_is_stopped(monkeypatch):
    monkeypatch.setattr(rendering, "MEMORY", 1 << 28)
    doubling = (
        "{% set ns = namespace(a='a') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}{{ ns.a }}"
    )
    with pytest.raises(ItlError, match=r"more than 0.25 GiB of memory"):
        rendered(tokenizer_with(doubling), ["Hi"])
    assert len(bytearray(1 << 29)) == 1 << 29  # the limit is that of the template alone


def test_a_template_that_writes_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(rendering, "LENGTH", 1000)
    with pytest.raises(ItlError, match="writes more than 1,000 characters"):
        rendered(tokenizer_with("{{ 'a' * 2000 }}" + CHATML), ["Hi"])
    assert rendered(tokenizer_with(CHATML), ["a" * 5000])  # which the text may


def test_templates_are_rendered_outside_the_main_thread_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(rendered(tokenizer_with(DATED), ["Hi"])))
    thread.start()
    thread.join()
    assert found == [rendered(tokenizer_with(DATED), ["Hi"])]
