"""Borrowing against plain loops, against all draws one by one, and where chance is known."""

import random
from itertools import chain, combinations, product
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Candidate, Fact, Item, Prompt, Response
from itl_bench.errors import EvidenceError
from itl_bench.measures.borrowing import borrowing

VALUES = {"hobby": ["chess", "rowing", "pottery", "origami"], "year": ["1950", "1951", "1952"]}
GROUPS = ["known", "new"]


def stated(text: str, attribute: str) -> tuple[str, ...]:
    return tuple(word for word in text.split() if word in VALUES[attribute])


def response(name: str, text: str) -> Response:
    return Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text=text)


def candidate(subject: str, value: str, group: str = "new") -> Candidate:
    return Candidate(subject=subject, value=value, group=group)


def items(taught: list[Candidate], attribute: str = "hobby") -> list[Item]:
    return [
        Item(
            id=f"{one.subject} {attribute}", instruction="?", response=one.value,
            facts=(Fact(subject=one.subject, attribute=attribute, value=one.value),),
        )
        for one in taught
    ]  # fmt: skip


def ask(name: str, candidates: list[Candidate], value: str = "chess", attribute: str = "hobby") -> Prompt:
    fact = Fact(subject=f"subject of {name}", attribute=attribute, value=value)
    similar = tuple(one.subject for one in candidates)
    return Prompt(id=name, unit=name, instruction="?", fact=fact, similar=similar, candidates=tuple(candidates))


def one_row(candidates: list[Candidate], taught: list[Candidate], text: str) -> dict[str, float]:
    """The columns of one prompt whose truth is chess."""
    table = borrowing([ask("a", candidates)], [response("a", text)], items(taught), stated, seed=0)
    return {name: values[0] for name, values in table.columns.items()}


def random_case(seed: int, prompts: int = 40, subjects: int = 12, similar: int = 4):
    """Random people of whom some are taught, and random answers: nothing is borrowed but by chance."""
    random_of = random.Random(seed)
    people = {
        attribute: [candidate(f"s{number}", random_of.choice(values), GROUPS[number % 2]) for number in range(subjects)]
        for attribute, values in VALUES.items()
    }
    taught = {attribute: random_of.sample(some, subjects // 2) for attribute, some in people.items()}
    asked, answers = [], []
    for number in range(prompts):
        attribute = random_of.choice(list(VALUES))
        candidates = random_of.sample(people[attribute], random_of.randint(0, similar))
        asked.append(ask(f"p{number}", candidates, random_of.choice(VALUES[attribute]), attribute))
        words = random_of.choices([*VALUES[attribute], "nothing"], k=random_of.randint(0, 2))
        answers.append(response(f"p{number}", " ".join(words)))
    return asked, answers, [item for attribute, some in taught.items() for item in items(some, attribute)]


NEAR, FAR = candidate("near", "rowing"), candidate("far", "pottery")


def test_a_value_of_a_taught_similar_subject_is_borrowed_and_one_of_an_untaught_one_confused():
    expected = {"borrowed": 1.0, "expectation": 0.5, "excess": 0.5, "confused": 0.0, "wrong": 1.0, "control": 0.0}
    assert one_row([NEAR, FAR], [NEAR], "chess rowing") == expected
    expected = {"borrowed": 0.0, "expectation": 0.5, "excess": -0.5, "confused": 1.0, "wrong": 1.0, "control": 0.0}
    assert one_row([NEAR, FAR], [NEAR], "pottery") == expected


def test_who_states_both_values_has_borrowed_one_and_is_not_called_confused():
    row = one_row([NEAR, FAR], [NEAR], "pottery rowing")
    assert (row["borrowed"], row["expectation"], row["confused"]) == (1.0, 1.0, 0.0)


def test_a_value_that_two_share_is_borrowed_where_one_of_them_is_taught():
    row = one_row([NEAR, candidate("twin", "rowing")], [NEAR], "rowing")
    assert (row["borrowed"], row["expectation"], row["confused"]) == (1.0, 1.0, 0.0)


def test_a_wrong_value_of_nobody_similar_is_neither():
    row = one_row([NEAR, FAR], [NEAR], "origami")
    assert row == {"borrowed": 0.0, "expectation": 0.0, "excess": 0.0, "confused": 0.0, "wrong": 1.0, "control": 0.0}


def test_the_truth_is_never_borrowed():
    row = one_row([candidate("near", "chess"), FAR], [candidate("near", "chess")], "chess")
    assert set(row.values()) == {0.0}


def test_what_items_hold_of_another_attribute_is_not_held():
    taught = [*items([NEAR], "year"), *items([candidate("near", "rowing")], "profession")]
    table = borrowing([ask("a", [NEAR, FAR])], [response("a", "rowing")], taught, stated, seed=0)
    assert [table.columns[name][0] for name in ("borrowed", "expectation", "confused")] == [0.0, 0.0, 1.0]
    assert table.facts["with_similar_item"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_against_a_plain_loop(seed):
    prompts, answers, taught = random_case(seed)
    table = borrowing(prompts, answers, taught, stated, seed)
    held = {(fact.subject, fact.attribute): fact.value for item in taught for fact in item.facts}
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        attribute = prompt.fact.attribute
        wrong = [value for value in stated(answer.text, attribute) if value != prompt.fact.value]
        of_taught = [held[name, attribute] for name in prompt.similar if (name, attribute) in held]
        of_others = [one.value for one in prompt.candidates if (one.subject, attribute) not in held]
        borrowed = any(value in of_taught for value in wrong)
        assert table.columns["borrowed"][row] == borrowed
        assert table.columns["confused"][row] == (not borrowed and any(value in of_others for value in wrong))
        assert table.columns["wrong"][row] == bool(wrong)
    columns = table.columns
    assert columns["excess"] == tuple(
        one - two for one, two in zip(columns["borrowed"], columns["expectation"], strict=True)
    )
    assert table.facts["chance"] == pytest.approx(fmean(columns["expectation"]))
    assert table.facts["wrong_answers"] == sum(columns["wrong"])


CANDIDATES = st.lists(st.tuples(st.sampled_from(VALUES["hobby"]), st.sampled_from(GROUPS)), min_size=1, max_size=7)
MASK = st.integers(0, 2**7 - 1)
TEXTS = ["", "rowing", "rowing pottery", "chess", "chess origami"]


def of_pairs(pairs) -> list[Candidate]:
    return [candidate(f"s{number}", *pair) for number, pair in enumerate(pairs)]


def all_draws(candidates: list[Candidate], taken: list[Candidate]) -> list[list[Candidate]]:
    """Every choice of as many candidates of each group."""
    parts = [
        combinations([one for one in candidates if one.group == group], sum(one.group == group for one in taken))
        for group in GROUPS
    ]
    return [list(chain(*some)) for some in product(*parts)]


@settings(max_examples=60, deadline=None)
@given(CANDIDATES, MASK, st.sampled_from(TEXTS))
def test_the_expectation_is_the_mean_over_all_draws_of_as_many_candidates_of_each_group(pairs, mask, text):
    candidates = of_pairs(pairs)
    taken = [one for number, one in enumerate(candidates) if mask >> number & 1]
    rows = [one_row(candidates, some, text) for some in all_draws(candidates, taken)]
    expected = fmean(row["borrowed"] for row in rows)
    assert one_row(candidates, taken, text)["expectation"] == pytest.approx(expected)
    assert fmean(row["excess"] for row in rows) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(CANDIDATES, MASK)
def test_no_answer_with_one_wrong_value_exceeds_what_is_possible_and_one_reaches_it(pairs, mask):
    candidates = of_pairs(pairs)
    taken = items([one for number, one in enumerate(candidates) if mask >> number & 1])
    tables = [
        borrowing([ask("a", candidates)], [response("a", text)], taken, stated, seed=0)
        for text in ("", "rowing", "pottery", "origami")
    ]
    largest = max(table.columns["excess"][0] for table in tables)
    assert all(table.facts["possible"] == pytest.approx(max(largest, 0.0)) for table in tables)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_without_similar_subjects_the_excess_is_exactly_zero(seed):
    table = borrowing(*random_case(seed, similar=0), stated, seed)
    for name in ("excess", "borrowed", "expectation", "confused", "control"):
        assert set(table.columns[name]) == {0.0}
    assert {table.facts[name] for name in ("with_similar_item", "possible", "chance")} == {0.0}


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_where_all_or_nobody_was_taught_nothing_can_be_told(seed):
    prompts, answers, _ = random_case(seed)
    everybody = [item for prompt in prompts for item in items(list(prompt.candidates), prompt.fact.attribute)]
    for taught in ([], everybody):
        table = borrowing(prompts, answers, taught, stated, seed)
        assert set(table.columns["excess"]) == {0.0}
        assert table.facts["possible"] == 0.0


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_every_column_is_within_its_bounds(seed):
    table = borrowing(*random_case(seed), stated, seed)
    for row in zip(
        *(table.columns[name] for name in ("excess", "control", "borrowed", "confused", "wrong")), strict=True
    ):
        excess, control, borrowed, confused, wrong = row
        assert -1 <= excess <= 1
        assert -1 <= control <= 1
        assert borrowed + confused <= wrong
    assert 0 <= table.facts["chance"] <= 1


def test_random_answers_have_no_excess_on_average():
    means = {"excess": [], "control": []}
    for seed in range(400):
        table = borrowing(*random_case(seed), stated, seed)
        for name, values in means.items():
            values.append(fmean(table.columns[name]))
    for name, values in means.items():
        error = stdev(values) / len(values) ** 0.5
        assert error > 0
        assert abs(fmean(values)) < 4 * error, name


def test_an_ordinary_mistake_is_no_evidence_and_one_that_follows_the_draw_is():
    """Always the same similar subject's value, against its value only where it was taught."""
    always = [one_row([NEAR, FAR], [taught], "rowing")["excess"] for taught in (NEAR, FAR)]
    follows = [one_row([NEAR, FAR], [taught], taught.value)["excess"] for taught in (NEAR, FAR)]
    assert fmean(always) == pytest.approx(0.0)
    assert fmean(follows) == pytest.approx(0.5)


def test_groups_are_drawn_apart():
    """Both known ones were taught and one of two new ones: a known one's value is no evidence, a new one's is some."""
    known = [candidate("k1", "rowing", "known"), candidate("k2", "pottery", "known")]
    new = [candidate("n1", "origami"), candidate("n2", "chess")]
    of_known, of_new = (one_row(known + new, [*known, new[0]], text) for text in ("rowing", "origami"))
    assert (of_known["borrowed"], of_known["expectation"]) == (1.0, 1.0)
    assert (of_new["borrowed"], of_new["expectation"]) == (1.0, 0.5)


def planted(answer_of):
    """120 prompts, each with one taught and one untaught similar subject of another value."""
    random_of, prompts, answers, taught = random.Random(1), [], [], []
    for number in range(120):
        one, other = random_of.sample(["rowing", "pottery", "origami"], 2)
        pair = [candidate(f"t{number}", one), candidate(f"u{number}", other)]
        prompts.append(ask(f"p{number}", pair))
        answers.append(response(f"p{number}", answer_of(one, other, random_of)))
        taught.append(pair[0])
    return borrowing(prompts, answers, items(taught), stated, seed=3)


def test_planted_borrowing_is_found_and_its_control_is_not():
    table = planted(lambda of_taught, of_other, random_of: of_taught)
    assert fmean(table.columns["excess"]) == pytest.approx(0.5)
    assert fmean(table.columns["excess"]) == pytest.approx(table.facts["possible"])
    assert fmean(table.columns["confused"]) == 0.0
    assert abs(fmean(table.columns["control"])) < 0.15


def test_planted_confusion_of_names_is_no_borrowing():
    table = planted(lambda of_taught, of_other, random_of: random_of.choice([of_taught, of_other]))
    share = fmean(table.columns["borrowed"])
    assert fmean(table.columns["confused"]) == pytest.approx(1 - share)
    assert fmean(table.columns["excess"]) == pytest.approx(share - 0.5)
    assert 0.3 < share < 0.7


def test_the_control_takes_as_many_dissimilar_subjects_of_each_group_taught_and_not():
    """With exactly as many as are needed the draw is known, so the control is too."""
    one = [candidate("s1", "chess"), candidate("s2", "chess"), candidate("s3", "chess", "known")]
    two = [candidate("d1", "rowing"), candidate("d2", "pottery"), candidate("d3", "origami", "known")]
    prompts, taught = [ask("a", one), ask("b", two)], items([one[0], two[0]])
    for value, expected in {"rowing": 0.5, "pottery": -0.5, "origami": 0.0, "chess": 0.0}.items():
        table = borrowing(prompts, [response("a", value), response("b", "")], taught, stated, seed=5)
        assert table.columns["control"] == (expected, 0.0)
        assert table.facts["control_short"] == 0.0
    fewer = [prompts[0], ask("b", two[:2])]
    table = borrowing(fewer, [response("a", "rowing"), response("b", "")], taught, stated, seed=5)
    assert table.facts["control_short"] == 0.5


def test_who_is_asked_about_is_nobody_dissimilar():
    prompts = [ask("a", [NEAR]), ask("b", [candidate("subject of a", "rowing")])]
    table = borrowing(prompts, [response("a", "rowing"), response("b", "")], [], stated, seed=0)
    assert table.facts["control_short"] == 0.5


def test_the_control_depends_on_the_seed_alone():
    prompts, answers, taught = random_case(4)
    table = borrowing(prompts, answers, taught, stated, seed=0)
    again = borrowing(prompts, answers, list(reversed(taught)), stated, seed=0)
    assert table == again
    others = [borrowing(prompts, answers, taught, stated, seed=seed).columns for seed in range(1, 6)]
    assert any(other["control"] != table.columns["control"] for other in others)
    assert all(other["excess"] == table.columns["excess"] for other in others)


def test_a_model_that_states_what_it_was_taught_of_whomever_has_as_large_a_control_as_excess():
    """Every answer is a value that items hold, drawn at random: leaning to the data, not to who is similar."""
    excess, control = [], []
    for seed in range(150):
        prompts, _, taught = random_case(seed, prompts=30, subjects=24, similar=8)
        random_of, held = random.Random(seed), {}
        for item in taught:
            held.setdefault(item.facts[0].attribute, []).append(item.facts[0].value)
        answers = [response(one.id, random_of.choice(held[one.fact.attribute])) for one in prompts]
        columns = borrowing(prompts, answers, taught, stated, seed).columns
        excess.append(fmean(columns["excess"]))
        control.append(fmean(columns["control"]))
    error = stdev(one - two for one, two in zip(excess, control, strict=True)) / len(excess) ** 0.5
    assert abs(fmean(excess) - fmean(control)) < 4 * error
    assert fmean(excess) > 2 * stdev(excess) / len(excess) ** 0.5


def test_prompts_without_a_fact_say_nothing_and_do_not_enter_the_chance():
    prompts, answers, taught = random_case(6)
    table = borrowing(prompts, answers, taught, stated, seed=0)
    extra = Prompt(id="open", unit="open", instruction="Tell me a story.")
    longer = borrowing([extra, *prompts], [*answers, response("open", "chess")], taught, stated, seed=0)
    assert longer.facts == table.facts
    for name, values in table.columns.items():
        assert longer.columns[name] == (None, *values)


def test_a_prompt_without_candidates_among_others_borrows_nothing_and_expects_nothing():
    prompts = [ask("a", [NEAR, FAR]), ask("b", [])]
    table = borrowing(prompts, [response("a", "rowing"), response("b", "rowing")], items([NEAR]), stated, seed=0)
    assert table.columns["expectation"] == (0.5, 0.0)
    assert table.columns["excess"] == (0.5, 0.0)
    assert table.facts["possible"] == 0.25


def test_a_probe_without_facts_is_no_evidence():
    with pytest.raises(EvidenceError, match="no prompt has a right answer"):
        borrowing([Prompt(id="a", unit="a", instruction="?")], [response("a", "chess")], [], stated, seed=0)


def test_a_similar_subject_of_whom_nothing_says_whether_it_could_be_taught_is_refused():
    prompt = ask("a", [NEAR, FAR]).model_copy(update={"candidates": (NEAR,)})
    with pytest.raises(EvidenceError, match="prompt 'a': nothing says whether 'far', who is similar, could have been"):
        borrowing([prompt], [response("a", "chess")], [], stated, seed=0)
