"""For any chat template and conversation: training, generation and analysis agree on what the responses are."""

from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.asking import Asking
from itl_bench.data.tokens.preflight import ModelFacts, problems
from itl_bench.data.tokens.template import IGNORED, prompt_ids, response_text, tokenize_items, training_example
from itl_bench.measures.token_shift_logits import teacher_forced
from tests.helpers.tiny_tokenizers import begins_with, byte_level


@dataclass(frozen=True)
class Template:
    """What a chat template may do; `jinja` writes it as one, `learned` says what a model has to learn of it."""

    system: str
    user: str
    between: str  # a question and the assistant's turn
    assistant: str
    space: str  # before a response, not in the prompt of generation
    block: str  # before the last response only
    end: str
    earlier: str  # in place of the end after every response but the last
    after: str
    strips: bool
    begins: str  # "", "once" or "every turn"

    def jinja(self):
        """Of this, the source."""
        said = "m.content | trim" if self.strips else "m.content"
        begin = "{{ '<s>' }}"
        return (
            (begin if self.begins == "once" else "")
            + f"{{{{ {self.system!r} }}}}{{% for m in messages %}}"
            + f"{{% if m.role == 'user' %}}{begin if self.begins == 'every turn' else ''}{{{{ {self.user!r} }}}}"
            + f"{{{{ {said} }}}}{{{{ {self.between!r} }}}}"
            + f"{{% else %}}{{{{ {self.assistant + self.space!r} }}}}"
            + f"{{% if loop.last %}}{{{{ {self.block!r} }}}}{{% endif %}}{{{{ {said} }}}}"
            + f"{{{{ {self.end!r} if loop.last else {self.earlier!r} }}}}{{{{ {self.after!r} }}}}{{% endif %}}"
            + f"{{% endfor %}}{{% if add_generation_prompt %}}{{{{ {self.assistant!r} }}}}{{% endif %}}"
        )

    def learned(self, responses):
        """Of every response that bears a loss: the text, with what the model has to say before and after it."""
        texts = [text.strip() if self.strips else text for text in responses]
        if self.block:  # part of the last prompt; before an earlier response it is not, though generation is given it
            return [texts[-1] + self.end]
        earlier = self.end if self.earlier == self.end else ""
        return [*(self.space + text + earlier for text in texts[:-1]), self.space + texts[-1] + self.end]


TEMPLATES = st.builds(
    Template,
    system=st.sampled_from(["", "<|im_start|>system\nBe good.<|im_end|>\n", "Rules: none\n\n"]),
    user=st.sampled_from(["", "<|im_start|>user\n", "User: ", "[INST] "]),
    between=st.sampled_from(["", "<|im_end|>\n", "\n", " [/INST]"]),
    assistant=st.sampled_from(["<|im_start|>assistant\n", "Assistant:", "\n\nBot:\n", ">"]),
    space=st.sampled_from(["", " ", "\n"]),
    block=st.sampled_from(["", "<think>\n\n</think>\n\n"]),
    end=st.sampled_from(["<|im_end|>", "</s>"]),
    earlier=st.sampled_from(["<|im_end|>", "</s>", "\n\n", ""]),
    after=st.sampled_from(["", "\n"]),
    strips=st.booleans(),
    begins=st.sampled_from(["", "once", "every turn"]),
)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["</s>", "<s>", "<|im_end|>", "<|im_start|>", "</think>", "\n", "\n\n", " ", "Bot:"]),
        st.text(max_size=4),
    ),
    max_size=4,
).map("".join)  # fmt: skip
ITEMS = st.builds(
    Item, id=st.just("x"), instruction=TEXTS, response=TEXTS, context=st.just(""),
    history=st.lists(st.builds(Exchange, instruction=TEXTS, response=TEXTS), max_size=2).map(tuple),
)  # fmt: skip


@cache
def tokenizer_that(begins):
    tokenizer = byte_level(
        merges=[("Ċ", "Ċ"), (">", "Ċ"), (":", "Ċ"), ("Ġ", "a")], special=["<|im_start|>", "<|im_end|>"],
        plain=["<think>", "</think>"], bos_token="<s>", eos_token="</s>",
    )  # fmt: skip
    if begins:
        tokenizer.backend_tokenizer.post_processor = begins_with("<s>", tokenizer.bos_token_id)
    return tokenizer


def tokenizer_with(template, begins):
    tokenizer = tokenizer_that(begins)
    tokenizer.chat_template = template.jinja()
    return tokenizer


def runs(example):
    """Where a loss begins and stops."""
    edges = [at for at, pair in enumerate(zip((IGNORED, *example.labels), (*example.labels, IGNORED), strict=True))
             if (pair[0] == IGNORED) != (pair[1] == IGNORED)]  # fmt: skip
    return list(zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize("begins", [False, True])
@given(template=TEMPLATES, item=ITEMS)
@settings(max_examples=200, deadline=None)
def test_labels_cover_the_responses_and_their_ends_and_nothing_else(template, begins, item):
    tokenizer = tokenizer_with(template, begins)
    example = training_example(tokenizer, item)
    responses = [*(one.response for one in item.history), item.response]
    expected = [text for text in template.learned(responses) if text]
    assert [tokenizer.decode(example.labels[start:stop]) for start, stop in runs(example)] == expected
    assert all(label in (IGNORED, token) for token, label in zip(example.ids, example.labels, strict=True))
    assert tokenize_items(tokenizer, [item]).examples == (example,)


@pytest.mark.parametrize("begins", [False, True])
@given(template=TEMPLATES, item=ITEMS)
@settings(max_examples=150, deadline=None)
def test_generation_and_analysis_read_a_response_at_the_place_where_it_was_learned(template, begins, item):
    tokenizer = tokenizer_with(template, begins)
    example = training_example(tokenizer, item)
    start, stop = runs(example)[-1]
    prompt = prompt_ids(tokenizer, item.instruction, history=item.history)
    assert example.ids[:start] == prompt
    said, ends = example.ids[start:stop], Asking().ends(tokenizer)
    (row,) = teacher_forced([prompt], [said], ends)
    assert (*row.context, row.tokens[-1])[-len(row.tokens) :] == said[:-1] if row.tokens else len(said) == 1
    assert said[-1] in ends
    written = item.response.strip() if template.strips else item.response
    assert response_text(tokenizer, said) == ("" if template.block else template.space) + written
    assume(all(one.response.strip() for one in item.history))  # such rows are left out before
    assert problems(tokenizer, ModelFacts(len(tokenizer)), [item], "chat") == []
