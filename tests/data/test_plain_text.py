r"""What a reader sees of a text: "**.ad**", "\\boxed{H}" and "H" with something invisible are what they look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.plain_text import folded, is_blank, plain_text

SEEN = [
    ("Paris", "Paris"),
    ("**.ad** and __Paris__", ".ad and Paris"),
    ("_.ad_", ".ad"),
    ("snake_case stays", "snake_case stays"),
    ("`H`, ``H``", "H, H"),
    ("```text\n.ad\n```", "\n.ad\n"),
    ("# Answer\n> * Paris", "Answer\nParis"),
    ("[Paris](https://example.org/Paris_(city))", "Paris"),
    ("[Paris][1] ![map](map.png)", "Paris map"),
    ("26.[1] 26<sup>[2]</sup>", "26. 26"),
    ("[26]", "[26]"),
    ("~~Kabul~~ Paris", " Paris"),
    ("<del>Kabul</del> <b>Paris</b><br/>Lyon", " Paris\nLyon"),
    ("<!-- Kabul -->Paris", "Paris"),
    ("<think>Kabul?</think>Paris", "Paris"),
    ("1) Paris\n2) Lyon", "Paris\nLyon"),
    ("79) Gold", "79) Gold"),
    ("<thinking>Kabul?</thinking>Paris", "Paris"),
    ("First Kabul.\n</think>\nParis", "\nParis"),
    ("<think>A</think>B</think>Paris <think>Kabul", "Paris "),
    ("It is <Paris>, <Au>, <Li> or <B>.", "It is <Paris>, <Au>, <Li> or <B>."),
    ("a<b and c>d Paris", "a<b and c>d Paris"),
    ("<answer>Paris</answer> <B>.ad</B> <BR>", "Paris .ad \n"),
    ('<a href="x">Paris</a> <span class=x>.ad</span>', "Paris .ad"),
    ("<s> Paris</s>", " Paris"),
    (r"\textcolor{red}{Paris} {\color{red} Lyon}", "Paris  Lyon"),
    (r"\cancel{\text{Kabul}} \sout{Kabul}Paris", " Paris"),
    ("K\u0336a\u0336b\u0336u\u0336l\u0336 Paris", " Paris"),
    ("Paris\u00b9 is.\u00b2 x\u00b2", "Paris is. x\u00b2"),
    ("\x1b[1;31mParis\x1b[0m", "Paris"),
    ("\u0667\u0669 \u096d\u096f", "79 79"),
    ("\u24c5\u24d0\u24e1\u24d8\u24e2 \u2460", "Paris \u2460"),
    ("1 < 2 > 0", "1 < 2 > 0"),
    ("&lt;Paris&gt; &amp;&nbsp;co &#46;ad", "<Paris> & co .ad"),
    (r"\boxed{H}", "H"),
    (r"$\boxed{\text{.ad}}$", ".ad"),
    (r"\(26\) \[26\] $$26$$ $26$", "26 26 26 26"),
    (r"\mathrm{Fe}\, is \textbf{iron}", "Fe  is iron"),
    (r"\_Paris\_ \.ad", "Paris .ad"),
    ("US$ 5", "US$ 5"),
    ("H\u200b \ufeffHe\u00ad \u2060Li\ufe0f", "H He Li"),
    ("\uff28 \uff0e\uff41\uff44 \U0001d407 \uff0b\uff13\uff13", "H .ad H +33"),
    ("e\u0301", "\u00e9"),
    ("«Paris» “Lyon” 「Nice」", '"Paris" "Lyon" "Nice"'),
    ("a\r\nb\rc\u2028d\u00a0e\tf", "a\nb\nc\nd e f"),
    ("x² + ½", "x² + ½"),
    ("\U0001f600 Paris", "  Paris"),
]


@pytest.mark.parametrize(("text", "seen"), SEEN, ids=[seen or "nothing" for _, seen in SEEN])
def test_markup_and_what_is_invisible_go_and_the_text_stays(text, seen):
    assert plain_text(text) == seen


@given(st.text())
def test_any_text_can_be_read_and_keeps_no_invisible_character(text):
    seen = plain_text(text)
    assert not set(seen) & set("\u200b\u200d\ufeff\u00ad\u2060\r\0")


@given(st.text(st.sampled_from("ab cd.,'\n"), max_size=20))
def test_a_text_without_markup_stays_as_it_is(text):
    assert plain_text(text) == text


@given(st.text("<>[]()*_~`$\\{}|&;# \nab", max_size=60))
def test_no_markup_that_is_left_open_takes_long_or_fails(text):
    assert isinstance(plain_text(text * 20), str)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("What is it?", "what  is\u00a0it?\n"),
        ("don't", "don\u2019t"),
        ('say "x"', "say \u201cx\u201d"),
        ("\uff21 1", "A \uff11"),
        ("so\u00adft", "soft"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_two_spellings_of_one_question_are_the_same(one, other):
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1 + 1", "1 - 1"), ("x²", "x2"), ("**a**", "a"), ("\U0001f600", "\U0001f4a9")]
)
def test_what_is_another_question_stays_another(one, other):
    assert folded(one) != folded(other)


def test_nothing_to_see_is_blank():
    assert all(map(is_blank, ["", " \n\t", "\u00a0\u2003", "\u200b\ufeff", "\u00ad \u2060"]))
    assert not any(map(is_blank, ["x", ".", "\U0001f600", "\u00a0x"]))
