"""Scores of tiny random models against one forward per token, sampling, and the library's own greedy search."""

import math

import pytest
import torch
from scipy.stats import binomtest
from tokenizers import processors
from tokenizers.normalizers import Replace, Strip

from itl_bench.data.atlas.few_shots import FewShot
from itl_bench.errors import EvidenceError, UsageError
from itl_bench.stages.familiarity import scoring
from itl_bench.stages.familiarity import scoring as sampling
from itl_bench.stages.familiarity.prefix import continuations, encode, of_one_length, read
from itl_bench.stages.familiarity.scoring import Score, sampled_share, score
from tests.helpers.tiny_reader import gemma, letters_tokenizer, llama, practised

TOKENIZER = letters_tokenizer()
SIZE = len(TOKENIZER)
LLAMA, GEMMA = practised(llama(SIZE), TOKENIZER), practised(gemma(SIZE), TOKENIZER)
MODELS = pytest.mark.parametrize("model", [LLAMA, GEMMA], ids=["llama", "gemma"])
PROMPTS = [
    FewShot(f"{number}", prefix, question, answers)
    for number, (prefix, question, answers) in enumerate(
        (prefix, question, answers)
        for prefix in ("a: b\nb: c\nc: a\nab: c\n", "b: b\n")
        for question in ("a:", "bc:", "cb:", "abcabc:")
        for answers in (("a", "bb"), ("c",), ("abc", "a", "b", "cabba"))
    )
]


def never(prompt, text):
    return False


def is_an_answer(prompt, text):
    return text in {f" {answer}" for answer in prompt.answers}


def slow(model, text, answer, temperature):
    """Probability and whether each token is the most likely: one forward per token, no cache, double precision."""
    ids, values = encode(TOKENIZER, text), []
    for token in TOKENIZER(f" {answer}\n", add_special_tokens=False)["input_ids"]:
        with torch.no_grad():
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1].double()
        values.append(((logits / temperature).softmax(-1)[token].item(), logits.argmax().item() == token))
        ids.append(token)
    return math.prod(value for value, _ in values), [hit for _, hit in values]


def greedy_text(model, text):
    """What the library's greedy search writes, up to the line break."""
    ids = torch.tensor([encode(TOKENIZER, text)])
    output = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False,
                            eos_token_id=None)  # fmt: skip
    return TOKENIZER.decode(output[0, ids.shape[1] :]).split("\n")[0]


@MODELS
@pytest.mark.parametrize("positions", [1, 7, 128])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_against_one_forward_per_token(model, positions, temperature, monkeypatch):
    monkeypatch.setattr(scoring, "POSITIONS", positions)
    scores = score(model, TOKENIZER, PROMPTS, never, temperature=temperature)
    for prompt, one in zip(PROMPTS, scores, strict=True):
        expected = [slow(model, prompt.prefix + prompt.question, answer, temperature) for answer in prompt.answers]
        assert one.sampled == pytest.approx(sum(probability for probability, _ in expected), rel=1e-4, abs=1e-7)
        assert one.greedy == any(all(hits) for _, hits in expected)
    assert {one.greedy for one in scores} == {True, False}


@MODELS
def test_the_probability_is_the_frequency_of_samples(model, monkeypatch):
    monkeypatch.setattr(sampling, "ROWS", 1000)
    samples = 1000
    scores = score(model, TOKENIZER, PROMPTS[:12], never)
    shares = sampled_share(model, TOKENIZER, PROMPTS[:12], is_an_answer, seed=1, samples=samples)
    assert sum(0.02 < share < 0.98 for share in shares) >= 3
    for one, share in zip(scores, shares, strict=True):
        assert binomtest(round(share * samples), samples, one.sampled).pvalue > 1e-5


@MODELS
def test_greedy_answers_are_those_of_the_library(model):
    for prompt in PROMPTS:
        text = greedy_text(model, prompt.prefix + prompt.question)
        prefix = read(model, TOKENIZER, prompt.prefix)
        assert continuations(prefix, [prefix.question(prompt.question)], 16, scoring.greedily) == [text]


@pytest.fixture(scope="module")
def speaker():
    """A model, and a question that it greedily answers with several letters, and these."""
    for model in (LLAMA, GEMMA):
        for question in ("c:", "ca:", "ab:", "cb:", "bc:", "ac:"):
            text = greedy_text(model, f"a: b\n{question}")
            if text.startswith(" ") and 2 <= len(text[1:]) < 14 and text[1:] == text.strip():
                return model, question, text[1:]
    return pytest.fail("no question has such an answer: let the models practise longer")


def asked_with(speaker, *answers):
    """Score of one prompt with these answers, and what the matcher was asked; it agrees to everything."""
    model, question, _ = speaker
    texts = []
    prompt = FewShot("1", "a: b\n", question, answers)
    [one] = score(model, TOKENIZER, [prompt], lambda prompt, text: texts.append(text) or True)
    return one, texts


def test_the_greedy_answer_needs_no_matcher(speaker):
    one, texts = asked_with(speaker, "a", speaker[2])
    assert one.greedy
    assert texts == []


def test_an_answer_that_begins_like_the_greedy_one_is_for_the_matcher(speaker):
    one, texts = asked_with(speaker, speaker[2][:1])
    assert one.greedy
    assert texts == [f" {speaker[2]}"]


def test_an_answer_must_end_to_be_greedy(speaker):
    model, question, text = speaker
    [one] = score(model, TOKENIZER, [FewShot("1", "a: b\n", question, (text[:-1],))], never)
    assert not one.greedy


def test_special_tokens_are_part_of_an_answer():
    """ " </s>b" is not " b", although it may be shown like it."""
    prefix, ids = read(LLAMA, TOKENIZER, "a: b\n"), iter(encode(TOKENIZER, " b\n")[1:])
    written = [next(ids), TOKENIZER.eos_token_id, *ids]
    choices = iter(written)
    assert continuations(prefix, [prefix.question("a:")], 16, lambda logits: torch.tensor([next(choices)])) == [
        " </s>b"
    ]


def test_another_beginning_is_wrong_without_asking():
    model, asked = llama(SIZE), []
    prompts = [prompt for prompt in PROMPTS if not greedy_text(model, prompt.prefix + prompt.question).startswith(" ")]
    scores = score(model, TOKENIZER, prompts, lambda prompt, text: asked.append(text) or True)
    assert prompts
    assert asked == []
    assert not any(one.greedy for one in scores)


def test_all_short_answers_together_are_likely():
    """All answers of one and two letters, of a model that seldom gives others."""
    answers = tuple(first + second for first in "abc: " for second in ("", *"abc: "))
    [one] = score(LLAMA, TOKENIZER, [FewShot("1", "a: b\n", "a:", answers)], never)
    assert 0.5 < one.sampled <= 1


def test_scores_do_not_depend_on_company():
    together = score(GEMMA, TOKENIZER, PROMPTS, never)
    alone = [score(GEMMA, TOKENIZER, [prompt], never)[0] for prompt in PROMPTS]
    assert [one.sampled for one in together] == pytest.approx([one.sampled for one in alone], rel=1e-4)
    assert [one.greedy for one in together] == [one.greedy for one in alone]


def test_progress_ends_at_all_prompts():
    seen = []
    score(llama(SIZE), TOKENIZER, PROMPTS, never, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(12, 24), (24, 24)]


def test_no_prompts_no_scores():
    assert score(llama(SIZE), TOKENIZER, [], never) == []


def test_no_answers():
    with pytest.raises(UsageError, match="no answers are given for 'capital/FR'"):
        score(llama(SIZE), TOKENIZER, [FewShot("capital/FR", "a: b\n", "a:", ())], never)


def test_training_mode():
    with pytest.raises(UsageError, match="training mode"):
        score(llama(SIZE).train(), TOKENIZER, PROMPTS[:1], never)


def test_logits_that_are_no_numbers():
    model = llama(SIZE)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(EvidenceError, match="finite"):
        score(model, TOKENIZER, PROMPTS[:1], never)


@pytest.mark.parametrize(
    ("normalizer", "message"),
    [(Replace(":\na", "c"), "'a:' apart"), (Replace(": a", "c"), "'a' apart"), (Strip(), "drops the line break")],
)
def test_tokenizers_that_join_or_drop(normalizer, message):
    prompt = FewShot("1", "b: b\nb:\n", "a:", ("a",))
    with pytest.raises(UsageError, match=message):
        score(llama(SIZE), letters_tokenizer(normalizer=normalizer), [prompt], never)


def test_empty_prefix_needs_a_begin_token():
    prompt = FewShot("1", "", "a:", ("b",))
    probability, hits = slow(LLAMA, "a:", "b", 0.5)
    [one] = score(LLAMA, TOKENIZER, [prompt], never)
    assert one == Score(greedy=all(hits), sampled=pytest.approx(probability, rel=1e-4))
    without = letters_tokenizer()
    without.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    with pytest.raises(UsageError, match="no begin token"):
        score(llama(SIZE), without, [prompt], never)


def test_of_one_length():
    rows = ["a", "bb", "c", "d", "ee"]
    assert list(of_one_length(rows, lambda row: [*map(ord, row)], 2)) == [["a", "c"], ["d"], ["bb", "ee"]]
