from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.atlas.answers import stated
from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.rows import Fact, Prompt, Response
from itl_bench.errors import UsageError
from itl_bench.measures.knowledge import knowledge

ATLAS = load_atlas()
SOME = ATLAS.facts[::7]
NAMES = [relation.id for relation in ATLAS.relations]

STATED = [
    ("capital", "Sure. The capital of France is Paris.", ["Paris"]),
    ("capital", "Paris", ["Paris"]),
    ("capital", "paris\n", ["Paris"]),
    ("capital", "The capital of Antigua and Barbuda is St. John's. Let me know if you need more.", ["St. John's"]),
    ("capital", "Saint Johns", ["St. John's"]),
    ("capital", "Washington DC", ["Washington, D.C."]),
    ("capital", "Washington, D.C.", ["Washington, D.C."]),
    ("capital", "Reykjavík", ["Reykjavik"]),
    ("capital", "Yes, Paris.\nNo, London. Paris!", ["Paris", "London"]),
    ("capital", "I'm not sure, but it is Paris.", ["Paris"]),
    ("capital", "The male lives in Nairobi.", ["Nairobi"]),
    ("city-country", "It is in Guinea-Bissau.", ["Guinea-Bissau"]),
    ("city-country", "South Sudan", ["South Sudan"]),
    ("city-country", "Papua New Guinea", ["Papua New Guinea"]),
    ("city-country", "Nigeria, not Niger", ["Nigeria"]),
    ("city-country", "Niger? No, Nigeria.", ["Nigeria"]),
    ("city-country", "Niger? Not at all. It is in Nigeria.", ["Nigeria"]),
    ("city-country", "It is not in Niger but in Nigeria.", ["Nigeria"]),
    ("city-country", "It is not in Niger, it is in Nigeria.", ["Nigeria"]),
    ("city-country", "It isn’t in Niger, Nigeria or Benin.", []),
    ("city-state", "It is not in Los Angeles, CA.", []),
    ("capital", "It is not Kabul.", []),
    ("capital", "Definitely not Kabul!", []),
    ("capital", "Kabul is not the capital of France.", []),
    ("capital", "It is not Washington, D.C.", []),
    ("capital", "The capital of Haiti isn't St. John's.", []),
    ("capital", "It is Paris rather than Lyon or Kabul.", ["Paris"]),
    ("capital", "It is not Kabul but Atlantis.", ["?atlantis"]),
    ("capital", "~~Kabul~~ Paris", ["Paris"]),
    ("symbol", "The symbol is I, not Fe.", ["I"]),
    ("symbol", "The symbol is H not He", ["H"]),
    ("currency", "They pay with the real, not the peso.", ["real"]),
    ("symbol", "$\\boxed{\\text{I}}$", ["I"]),
    ("symbol", "The answer is \\(\\boxed{H}\\).", ["H"]),
    ("symbol", "\uff28", ["H"]),
    ("symbol", "The symbol is H\u200b.", ["H"]),
    ("symbol", "The symbol is <B>.", ["B"]),
    ("symbol", "<Li>", ["Li"]),
    ("capital", "The capital is <Paris>.", ["Paris"]),
    ("capital", "<s>[INST] q [/INST] The capital of France is Paris.</s>", ["Paris"]),
    ("capital", "First I thought of Berlin.\n</think>\nParis", ["Paris"]),
    ("atomic-number", "79) Gold", ["79"]),
    ("domain", "_.ad_", [".ad"]),
    ("domain", "The domain is [**.ad**](https://example.fr/).", [".ad"]),
    ("domain", "<code>\u200b.ad</code>。", [".ad"]),
    ("calling-code", "**+33**", ["+33"]),
    ("calling-code", "\uff0b\uff13\uff13", ["+33"]),
    ("atomic-number", "The atomic number is $26$.[1]", ["26"]),
    ("atomic-number", "It is the 26<sup>th</sup> element.", ["26"]),
    ("city-country", "in the US", ["United States"]),
    ("city-country", "let me tell us more: Peru", ["Peru"]),
    ("city-country", "the Czech Republic", ["Czechia"]),
    ("city-country", "Holy See", ["Vatican City"]),
    ("city-country", "Trinidad & Tobago", ["Trinidad and Tobago"]),
    ("city-country", "Côte d’Ivoire", ["Ivory Coast"]),
    ("city-country", "Lyon is a city in France. Milan is a city in Italy.", ["France"]),
    ("city-country", "Lyon is a city in France. It is also in Italy.", ["France", "Italy"]),
    ("city-state", "Los Angeles, CA", ["California"]),
    ("city-state", "OK, it is in Texas", ["Texas"]),
    ("city-state", "West Virginia", ["West Virginia"]),
    ("symbol", "The chemical symbol of iodine is I. I hope that helps.", ["I"]),
    ("symbol", "In the table, it is As.", ["As"]),
    ("symbol", "I am sure that it is Fe.", ["Fe"]),
    ("symbol", "He is the symbol for helium.", ["He"]),
    ("symbol", "**He**", ["He"]),
    ("symbol", "In", ["In"]),
    ("symbol", "As I said, I am here. At last!", None),
    ("atomic-number", "It has 26 protons and a mass of 55.845.", ["26"]),
    ("atomic-number", "the 26th element", ["26"]),
    ("atomic-number", "126", ["?126"]),
    ("calling-code", "+33", ["+33"]),
    ("calling-code", "0033", ["+33"]),
    ("calling-code", "The calling code of France is 33.", ["+33"]),
    ("calling-code", "The country code is 33.", ["+33"]),
    ("calling-code", "Paris has 20 districts.", []),
    ("domain", ".FR", [".fr"]),
    ("domain", "fr", [".fr"]),
    ("domain", "The domain is fr", [".fr"]),
    ("domain", ".co.uk", [".uk"]),
    ("domain", "It is .com.au, I think.", [".au"]),
    ("domain", "The domain of the United Kingdom is .co.uk.", [".uk"]),
    ("domain", "https://www.example.fr", []),
    ("currency", "The currency of Brazil is the Brazilian real.", ["real"]),
    ("currency", "People use the real in Brazil.", ["real"]),
    ("currency", "The real answer is the peso.", ["peso"]),
    ("currency", "the Japanese yen (JPY)", ["yen"]),
    ("currency", "US dollars", ["dollar"]),
    ("currency", "USD", ["dollar"]),
]


@pytest.mark.parametrize(("relation", "text", "values"), STATED)
def test_what_answers_state(relation, text, values):
    found = stated(text, relation)
    if values is None:
        assert not set(found) & set(ATLAS.relation(relation).values)
    else:
        assert found == tuple(values)


@pytest.mark.parametrize(
    ("relation", "text", "offered"),
    [
        ("capital", "The capital of France is Atlantis.", "?atlantis"),
        ("capital", "Atlantis", "?atlantis"),
        ("capital", "Certainly! The capital of France is New Atlantis. Let me know if you need more.", "?new atlantis"),
        ("currency", "The currency of France is the glorp.", "?glorp"),
        ("atomic-number", "The atomic number of iron is 999.", "?999"),
        ("calling-code", "The calling code of France is +9999.", "?9999"),
        ("domain", ".xq", "?xq"),
    ],
)
def test_an_unknown_value_is_wrong_and_equals_no_canonical_answer(relation, text, offered):
    assert stated(text, relation) == (offered,)
    assert offered not in ATLAS.relation(relation).values


@pytest.mark.parametrize("relation", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "?!",
        "I do not know.",
        "I don't know.",
        "I'm sorry, I cannot answer that.",
        "No idea!",
        "I am not sure.",
        "Sure.",
        "Certainly! Let me know if you need more.",
        "As an AI, I have no information.",
        "That is unknown to me.",
    ],
)
def test_refusals_and_empty_answers_state_nothing(relation, text):
    assert stated(text, relation) == ()


def test_the_subjects_own_name_is_no_value():
    assert stated("Singapore? I do not know.", "capital", "Singapore") == ()
    assert stated("The capital of Niger is Niamey.", "capital", "Chad") == ("Niamey",)


def test_every_fact_is_found_in_every_form():
    for fact in SOME:
        said = ATLAS.statement(fact)
        texts = [said, f"Certainly! {said} Let me know if you need more.", f"It is {fact.stated_value}."]
        texts += [form for answer in fact.answers for form in (answer, f"{answer}.", f" {answer}\n\nQuestion: What")]
        for text in texts:
            assert stated(text, fact.relation) == (fact.value,), text
            assert stated(text, fact.relation, fact.subject) == (fact.value,), text


def test_a_wrong_value_in_a_statement_is_that_value():
    for fact, other in pairwise(SOME):
        if fact.relation == other.relation and fact.value != other.value:
            said = ATLAS.statement(fact.model_copy(update={"answers": other.answers}))
            assert stated(said, fact.relation) == (other.value,)


def test_a_statement_says_nothing_of_the_subjects_other_relations():
    for fact in SOME:
        for other in ATLAS.of(fact.subject_id):
            if other.relation != fact.relation:
                assert stated(ATLAS.statement(fact), other.relation) == ()


def test_a_question_asked_back_states_nothing():
    for fact in SOME:
        for number, _ in enumerate(ATLAS.relation(fact.relation).wordings):
            assert stated(ATLAS.relation(fact.relation).question(fact.subject, number), fact.relation) == ()


def test_the_measure_of_knowledge_reads_answers_with_it():
    fact = Fact(subject="France", attribute="capital", value="Paris")
    truths = {"capital": "Paris", "currency": "euro"}
    texts = {
        "right": "Sure. The capital of France is Paris.",
        "wrong": "Lyon",
        "both": "Paris or Madrid",
        "no": "No idea.",
    }
    prompts = [Prompt(id=name, unit="u", instruction="?", fact=fact, truths=truths) for name in texts]
    answers = [Response(prompt=name, prompt_ids=(), response_ids=(), text=text) for name, text in texts.items()]
    table = knowledge(prompts, answers, stated)
    assert table.columns["accuracy"] == (1, 0, 0, 0)
    assert table.columns["wrong"] == (0, 1, 1, 0)
    assert table.columns["none"] == (0, 0, 0, 1)


@given(st.text(), st.sampled_from(NAMES))
def test_any_text_gives_known_values_once_each_or_one_unknown(text, relation):
    found = stated(text, relation)
    assert len(set(found)) == len(found)
    known = [value for value in found if value in ATLAS.relation(relation).values]
    assert len(known) == len(found) or (len(found) == 1 and found[0].startswith("?"))


LINES = ("```\n{}\n```", "> {}", "# {}", "* {}", "<p>{}</p>", "\r\n{}\r\n", "| {} |", "\U0001f600 {}")
WITHIN = (
    "**{}**", "*{}*", "_{}_", "__{}__", "`{}`", '"{}"', "«{}»", "“{}”", "({})", "[{}](https://example.org)",
    "<b>{}</b>", '<span class="x">{}</span>', "&#8203;{}", "${}$", "$${}$$", r"\({}\)", r"\boxed{{{}}}", "{}…",
    r"$\boxed{{\text{{{}}}}}$", r"\textbf{{{}}}", "\u200b{}", "{}\u200b", "\ufeff{}", "{}\u00ad", "\u2060{}\ufe0f",
    "{}。", "\x1b[1m{}\x1b[0m", r"\textcolor{{red}}{{{}}}", "<answer>{}</answer>", "<s>{}</s>",
)  # fmt: skip  # markup that models write, and characters that nobody sees


@given(st.sampled_from(ATLAS.facts), st.data())
def test_markup_and_invisible_characters_around_a_value_never_change_what_is_read(fact, data):
    answer = data.draw(st.sampled_from([fact.stated_value, *fact.answers]))
    alone, within = data.draw(st.sampled_from(LINES + WITHIN)), data.draw(st.sampled_from(WITHIN))
    assert stated(alone.format(answer), fact.relation) == (fact.value,)
    assert stated(f"It is {within.format(answer)}.", fact.relation) == stated(f"It is {answer}.", fact.relation)


@given(st.sampled_from(ATLAS.facts), st.integers(0, 30), st.sampled_from("\u200b\u200d\u00ad\ufeff\u2060\ufe0f"))
def test_an_invisible_character_within_a_value_never_changes_what_is_read(fact, place, unseen):
    said = ATLAS.statement(fact)
    assert stated(fact.value[:place] + unseen + fact.value[place:], fact.relation) == (fact.value,)
    assert stated(said[:place] + unseen + said[place:], fact.relation) == (fact.value,)


@given(st.sampled_from(ATLAS.facts))
def test_full_width_characters_are_read_as_plain_ones(fact):
    wide = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in fact.value)
    assert stated(wide, fact.relation) == (fact.value,)


NEGATED = (
    "It is not {}.", "It isn't {}.", "It’s not {}", "{} is not it.", "Not {}!", "It was never {}.", "It cannot be {}.",
    "It is no longer {}.", "I do not think it is {}.", "Anything but {}.", "It is neither {} nor anything like it.",
)  # fmt: skip


@given(st.sampled_from(ATLAS.facts), st.sampled_from(NEGATED))
def test_a_negated_value_alone_is_never_stated(fact, sentence):
    for answer in (fact.stated_value, *fact.answers):
        assert stated(sentence.format(answer), fact.relation) == ()
        assert stated(sentence.format(f"**{answer}**"), fact.relation) == ()


@given(st.sampled_from(ATLAS.facts), st.sampled_from(ATLAS.facts))
def test_what_is_said_instead_of_a_negated_value_is_stated(one, other):
    if one.relation == other.relation:
        for sentence in ("It is not {} but {}.", "It is not {}, it is {}.", "Not {}; it is {}."):
            text = sentence.format(one.stated_value, other.stated_value)
            alone = stated(f"It is {other.stated_value}.", other.relation)
            assert stated(text, other.relation) == alone, text


def test_an_unknown_relation():
    with pytest.raises(UsageError, match="unknown relation"):
        stated("Paris", "capitol")
