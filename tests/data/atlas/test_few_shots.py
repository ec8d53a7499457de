"""Few-shot prompts: examples that give nothing away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.atlas.facts import AtlasFact, Relation
from itl_bench.data.atlas.few_shots import PROMPTS, SHOTS, few_shots
from itl_bench.errors import UsageError

RELATION = Relation(
    id="capital", title="capital", kind="name", cues=("capital",), questions=("{subject}?",) * 5,
    probe_questions=("{subject}?",) * 2, statement="{subject}: {answer}", shot="{subject} has which capital?",
)  # fmt: skip


def fact(number, *answers, subject=None):
    subject = subject or f"land {number}"
    return AtlasFact(
        id=f"capital/{number}", relation="capital", subject=subject, subject_id=f"country/{subject}", answers=answers
    )


FACTS = [fact(number, f"City {number}", f"Town {number}") for number in range(60)]


def examples(prefix):
    """Pairs of subject and answer, read back from the text."""
    lines = prefix.splitlines()
    subjects = [line.removeprefix("Question: ").removesuffix(" has which capital?") for line in lines[::2]]
    return list(zip(subjects, [line.removeprefix("Answer: ") for line in lines[1::2]], strict=True))


def test_format():
    for number, prompts in few_shots(RELATION, FACTS, seed=1).items():
        assert len(prompts) == PROMPTS
        for prompt in prompts:
            assert prompt.fact == number
            assert prompt.prefix.endswith("\n")
            assert prompt.prefix.count("\n") == 2 * SHOTS
            assert prompt.question == f"Question: Land {number.split('/')[1]} has which capital?\nAnswer:"
            known = {(f"Land {one}", f"City {one}") for one in range(60)}
            assert len({*examples(prompt.prefix)} & known) == SHOTS


@settings(max_examples=50)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=12, max_size=30), st.integers(0, 1000))
def test_examples_give_nothing_away(answers, seed):
    facts = [fact(number, answer, answer.upper() * 2) for number, answer in enumerate(answers)]
    try:
        prompts = few_shots(RELATION, facts, seed)
    except UsageError:
        assert len({*answers}) <= SHOTS
        return
    for one in facts:
        for prompt in prompts[one.id]:
            pairs = examples(prompt.prefix)
            assert one.subject.capitalize() not in {subject for subject, _ in pairs}
            given_answers = [answer for _, answer in pairs]
            assert one.answers[0] not in given_answers
            assert len({*given_answers}) == SHOTS


def test_other_facts_of_the_subject_are_no_examples():
    facts = [*FACTS[:20], fact(90, "Old City", subject="twins"), fact(91, "New City", subject="twins")]
    for seed in range(20):
        for number in (90, 91):
            for prompt in few_shots(RELATION, facts, seed)[f"capital/{number}"]:
                assert "Twins" not in prompt.prefix


def test_prefixes_are_shared_by_all_but_their_examples():
    prompts = few_shots(RELATION, FACTS, seed=3)
    for number in range(PROMPTS):
        of_all = [of_fact[number].prefix for of_fact in prompts.values()]
        usual = max(set(of_all), key=of_all.count)
        assert of_all.count(usual) == len(FACTS) - SHOTS
    assert len({prompt.prefix for of_fact in prompts.values() for prompt in of_fact}) == PROMPTS * (1 + SHOTS)


def test_prompts_of_a_fact_have_no_example_in_common():
    for of_fact in few_shots(RELATION, FACTS, seed=4).values():
        assert len({pair for prompt in of_fact for pair in examples(prompt.prefix)}) == PROMPTS * SHOTS


def test_order_of_facts_is_nothing_and_seed_is_all():
    assert few_shots(RELATION, FACTS, seed=5) == few_shots(RELATION, FACTS[::-1], seed=5)
    assert few_shots(RELATION, FACTS, seed=5) != few_shots(RELATION, FACTS, seed=6)


def test_answers_come_once():
    prompts = few_shots(RELATION, [*FACTS, fact(99, "Rome", "Roma", "Rome")], seed=1)
    assert prompts["capital/99"][0].answers == ("Rome", "Roma")


def test_braces_in_a_subject_are_text():
    prompts = few_shots(RELATION, [*FACTS, fact(99, "Rome", subject="{0.__class__}")], seed=1)
    assert prompts["capital/99"][0].question.startswith("Question: {0.__class__} has")


@pytest.mark.parametrize("facts", [FACTS[:1], FACTS[:SHOTS], [fact(number, "same") for number in range(50)]])
def test_too_few_facts(facts):
    with pytest.raises(UsageError, match=r"'capital' has \d fitting examples for capital/0; it needs 4"):
        few_shots(RELATION, facts, seed=1)
