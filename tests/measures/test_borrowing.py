"""Borrowing against plain loops, against real permutations, and where chance is known."""

import random
from itertools import chain, combinations, product
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Candidate, Fact, Item, Prompt, Response
from itl_bench.errors import EvidenceError
from itl_bench.measures.borrowing import borrowing

PERMUTATIONS = 4000
VALUES = {"hobby": ["chess", "rowing", "pottery", "origami"], "year": ["1950", "1951", "1952"]}


def stated(text: str, attribute: str) -> tuple[str, ...]:
    return tuple(word for word in text.split() if word in VALUES[attribute])


def response(name: str, text: str) -> Response:
    return Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text=text)


def item(subject: str, attribute: str, value: str) -> Item:
    fact = Fact(subject=subject, attribute=attribute, value=value)
    return Item(id=f"{subject} {attribute}", instruction="?", response=value, facts=(fact,))


def ask(name: str, attribute: str, value: str, similar: tuple[str, ...] = ()) -> Prompt:
    fact = Fact(subject=f"subject of {name}", attribute=attribute, value=value)
    return Prompt(id=name, unit=name, instruction="?", fact=fact, similar=similar)


def random_case(seed: int, prompts: int = 40, subjects: int = 12, similar: int = 2):
    """Random people, items and answers: nothing is borrowed but by chance."""
    random_of = random.Random(seed)
    names = [f"s{number}" for number in range(subjects)]
    items = [
        item(name, attribute, random_of.choice(VALUES[attribute]))
        for name in names
        for attribute in VALUES
        if random_of.random() < 0.7
    ]
    asked, answers = [], []
    for number in range(prompts):
        attribute = random_of.choice(list(VALUES))
        of_prompt = tuple(random_of.sample(names, random_of.randint(0, similar)))
        asked.append(ask(f"p{number}", attribute, random_of.choice(VALUES[attribute]), of_prompt))
        words = random_of.choices([*VALUES[attribute], "nothing"], k=random_of.randint(0, 2))
        answers.append(response(f"p{number}", " ".join(words)))
    return asked, answers, items


def test_a_value_of_a_similar_subject_is_borrowed():
    prompts = [ask("a", "hobby", "chess", ("similar",)), ask("b", "hobby", "chess", ("unknown",))]
    items = [item("similar", "hobby", "rowing"), item("other", "hobby", "pottery"), item("similar", "year", "1950")]
    table = borrowing(prompts, [response("a", "chess rowing"), response("b", "rowing")], items, stated, seed=0)
    assert table.columns["borrowed"] == (1.0, 0.0)
    assert table.columns["expectation"] == (0.5, 0.5)
    assert table.columns["excess"] == (0.5, -0.5)
    assert table.columns["wrong"] == (1.0, 1.0)
    assert table.facts == {"chance": 0.5, "wrong_answers": 2.0, "with_similar_item": 0.5, "control_short": 0.0}


def test_the_truth_is_never_borrowed():
    prompts = [ask("a", "hobby", "chess", ("similar",))]
    table = borrowing(prompts, [response("a", "chess")], [item("similar", "hobby", "chess")], stated, seed=0)
    assert [table.columns[name] for name in ("borrowed", "expectation", "wrong")] == [(0.0,)] * 3
    assert table.facts["with_similar_item"] == 1.0


def test_a_subject_of_several_values_holds_them_all():
    prompts = [ask("a", "hobby", "chess", ("similar",)), ask("b", "hobby", "chess")]
    items = [item("similar", "hobby", "rowing"), item("similar", "hobby", "pottery")]
    for value in ("rowing", "pottery"):
        table = borrowing(prompts, [response("a", value), response("b", "")], items, stated, seed=0)
        assert table.columns["borrowed"] == (1.0, 0.0)


def test_lookups_of_another_attribute_never_count():
    prompts = [ask("a", "hobby", "chess", ("similar",)), ask("b", "year", "1950", ("similar",))]
    answers = [response("a", "rowing 1951"), response("b", "rowing 1951")]
    table = borrowing(prompts, answers, [item("similar", "hobby", "rowing")], stated, seed=0)
    assert table.columns["borrowed"] == (1.0, 0.0)
    assert table.columns["expectation"] == (1.0, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_against_a_plain_loop_and_real_permutations(seed):
    prompts, answers, items = random_case(seed)
    table = borrowing(prompts, answers, items, stated, seed)
    wrong, held = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        wrong.append([value for value in stated(answer.text, prompt.fact.attribute) if value != prompt.fact.value])
        held.append(
            [
                fact.value
                for one in items
                for fact in one.facts
                if fact.subject in prompt.similar and fact.attribute == prompt.fact.attribute
            ]
        )
    borrowed = [float(any(value in held[i] for value in wrong[i])) for i in range(len(prompts))]
    assert table.columns["borrowed"] == tuple(borrowed)
    assert table.columns["wrong"] == tuple(float(bool(values)) for values in wrong)
    assert table.facts["with_similar_item"] == pytest.approx(np.mean([bool(values) for values in held]))

    hits = np.array([[any(value in held[j] for value in wrong[i]) for j in range(len(prompts))] for i in range(40)])
    generator = np.random.default_rng(seed)
    total = np.zeros(len(prompts))
    for _ in range(PERMUTATIONS):
        for attribute in VALUES:
            rows = np.array([i for i, prompt in enumerate(prompts) if prompt.fact.attribute == attribute])
            total[rows] += hits[rows, generator.permutation(rows)]
    expectation = np.array(table.columns["expectation"])
    error = np.sqrt(expectation * (1 - expectation) / PERMUTATIONS)
    assert np.all(np.abs(total / PERMUTATIONS - expectation) <= 5 * error)
    assert table.columns["excess"] == tuple(np.array(borrowed) - expectation)
    assert table.facts["chance"] == pytest.approx(expectation.mean())


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_without_similar_subjects_in_the_items_the_excess_is_exactly_zero(seed):
    prompts, answers, items = random_case(seed, similar=0)
    table = borrowing(prompts, answers, items, stated, seed)
    assert set(table.columns["excess"]) == {0.0}
    assert set(table.columns["control"]) == {0.0}
    assert table.facts["with_similar_item"] == 0.0


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_excesses_of_an_attribute_lie_between_minus_one_and_one_and_chance_is_a_share(seed):
    prompts, answers, items = random_case(seed)
    table = borrowing(prompts, answers, items, stated, seed)
    assert all(-1 <= value <= 1 for name in ("excess", "control") for value in table.columns[name])
    assert all(table.columns["borrowed"][i] <= table.columns["wrong"][i] for i in range(len(prompts)))
    assert 0 <= table.facts["chance"] <= 1


def test_random_answers_have_no_excess_on_average():
    means = {"excess": [], "control": []}
    for seed in range(400):
        table = borrowing(*random_case(seed), stated, seed)
        for name, values in means.items():
            values.append(np.mean(table.columns[name]))
    for name, values in means.items():
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert error > 0
        assert abs(np.mean(values)) < 4 * error, name


def test_planted_borrowing_is_found_and_its_control_is_not():
    random_of = random.Random(1)
    prompts, answers, items = [], [], []
    for number in range(120):
        value = random_of.choice(VALUES["hobby"])
        items.append(item(f"s{number}", "hobby", value))
        prompts.append(ask(f"p{number}", "hobby", "none of them", (f"s{number}",)))
        answers.append(response(f"p{number}", value))
    table = borrowing(prompts, answers, items, stated, seed=3)
    shares = np.array([np.mean([answer.text == value for answer in answers]) for value in VALUES["hobby"]])
    assert np.mean(table.columns["excess"]) == pytest.approx(1 - np.sum(shares**2))
    assert abs(np.mean(table.columns["control"])) < 0.15


def test_the_control_draws_as_many_dissimilar_subjects_that_hold_the_attribute():
    """With exactly as many as are needed the draw is known, so the control is too."""
    prompts = [ask("a", "hobby", "none", ("s1", "s2")), ask("b", "hobby", "none", ())]
    items = [
        item("s1", "hobby", "chess"), item("s2", "hobby", "chess"), item("d1", "hobby", "rowing"),
        item("d2", "hobby", "pottery"), item("subject of a", "hobby", "origami"), item("d3", "year", "1950"),
    ]  # fmt: skip
    answers = {value: [response("a", value), response("b", "")] for value in VALUES["hobby"]}
    for value, in_control in {"rowing": 1.0, "pottery": 1.0, "chess": 0.0, "origami": 0.0}.items():
        table = borrowing(prompts, answers[value], items, stated, seed=5)
        assert table.columns["control"] == (in_control - in_control / 2, 0.0)
        assert table.facts["control_short"] == 0.0
    short = borrowing(prompts, answers["rowing"], [one for one in items if "d2" not in one.id], stated, seed=5)
    assert short.facts["control_short"] == 0.5


def test_the_control_depends_on_the_seed_alone():
    prompts, answers, items = random_case(4)
    table = borrowing(prompts, answers, items, stated, seed=0)
    again = borrowing(prompts, answers, list(reversed(items)), stated, seed=0)
    assert table == again
    others = [borrowing(prompts, answers, items, stated, seed=seed).columns for seed in range(1, 6)]
    assert any(other["control"] != table.columns["control"] for other in others)
    assert all(other["excess"] == table.columns["excess"] for other in others)


def test_prompts_without_a_fact_say_nothing_and_do_not_enter_the_chance():
    prompts, answers, items = random_case(6)
    table = borrowing(prompts, answers, items, stated, seed=0)
    extra = Prompt(id="open", unit="open", instruction="Tell me a story.")
    longer = borrowing([extra, *prompts], [*answers, response("open", "chess")], items, stated, seed=0)
    assert longer.facts == table.facts
    for name, values in table.columns.items():
        assert longer.columns[name] == (None, *values)


def test_a_probe_without_facts_is_no_evidence():
    with pytest.raises(EvidenceError, match="no prompt has a right answer"):
        borrowing([Prompt(id="a", unit="a", instruction="?")], [response("a", "chess")], [], stated, seed=0)


def drawn(name: str, value: str, candidates: list[Candidate]) -> Prompt:
    """A prompt whose similar subjects' hobbies may be in the items, or not, by chance."""
    prompt = ask(name, "hobby", value, tuple(one.subject for one in candidates))
    return prompt.model_copy(update={"candidates": tuple(candidates)})


def hobbies(subjects) -> list[Item]:
    return [item(one.subject, "hobby", one.value) for one in subjects]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(VALUES["hobby"]), st.sampled_from(["known", "unknown"])), min_size=1, max_size=7
    ),
    st.integers(0, 2**7 - 1),
    st.sampled_from(["", "rowing", "rowing pottery", "chess", "chess origami"]),
)
def test_the_expectation_is_the_mean_over_all_draws_of_as_many_candidates_of_each_group(values, mask, text):
    candidates = [Candidate(subject=f"s{n}", value=value, group=group) for n, (value, group) in enumerate(values)]
    prompts, answers = [drawn("a", "chess", candidates)], [response("a", text)]
    taken = [one for n, one in enumerate(candidates) if mask >> n & 1]
    table = borrowing(prompts, answers, hobbies(taken), stated, seed=0)
    groups = [[one for one in candidates if one.group == group] for group in ("known", "unknown")]
    sizes = [sum(one.group == group for one in taken) for group in ("known", "unknown")]
    draws = [
        hobbies(chain(*parts))
        for parts in product(*(combinations(group, size) for group, size in zip(groups, sizes, strict=True)))
    ]
    expected = fmean(borrowing(prompts, answers, some, stated, seed=0).columns["borrowed"][0] for some in draws)
    assert table.columns["expectation"][0] == pytest.approx(expected)
    assert table.columns["excess"][0] == pytest.approx(table.columns["borrowed"][0] - expected)


def test_an_ordinary_mistake_is_no_evidence_and_one_that_follows_the_draw_is():
    """Always the neighbour's value, against the neighbour's value only where it was taught."""
    candidates = [
        Candidate(subject="near", value="rowing", group="g"),
        Candidate(subject="far", value="pottery", group="g"),
    ]
    always, follows = [], []
    for taught in candidates:
        for given_answer, found in (("rowing", always), (taught.value, follows)):
            prompt = drawn("a", "chess", candidates)
            table = borrowing([prompt], [response("a", given_answer)], hobbies([taught]), stated, seed=0)
            found.append(table.columns["excess"][0])
    assert fmean(always) == pytest.approx(0.0)
    assert fmean(follows) == pytest.approx(0.5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(VALUES["hobby"]), st.sampled_from(["known", "new"])), min_size=1, max_size=7),
    st.integers(0, 2**7 - 1),
)
def test_no_answer_with_one_wrong_value_exceeds_what_is_possible_and_one_reaches_it(values, mask):
    candidates = [Candidate(subject=f"s{n}", value=value, group=group) for n, (value, group) in enumerate(values)]
    taken = hobbies(one for n, one in enumerate(candidates) if mask >> n & 1)
    tables = [
        borrowing([drawn("a", "chess", candidates)], [response("a", text)], taken, stated, seed=0)
        for text in ("", "rowing", "pottery", "origami")
    ]
    largest = max(table.columns["excess"][0] for table in tables)
    assert all(table.facts["possible"] == pytest.approx(max(largest, 0.0)) for table in tables)


def test_a_prompt_without_candidates_among_others_borrows_nothing_and_expects_nothing():
    near = [Candidate(subject="near", value="rowing", group="g"), Candidate(subject="far", value="pottery", group="g")]
    prompts = [drawn("a", "chess", near), drawn("b", "chess", [])]
    answers = [response("a", "rowing"), response("b", "rowing")]
    table = borrowing(prompts, answers, hobbies(near[:1]), stated, seed=0)
    assert table.columns["expectation"] == (0.5, 0.0)
    assert table.columns["excess"] == (0.5, 0.0)
    assert table.columns["control"] == (None, None)
    assert table.facts["possible"] == 0.25
