"""Conversations in the tokenizer's own template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, processors

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.chat import chat_prompt, chat_row
from itl_bench.data.tokens.frames import as_written, chat_end, ends_every_turn
from itl_bench.data.tokens.preflight import ModelFacts, problems
from itl_bench.errors import ItlError, UnfitRowError, UsageError
from tests.helpers.tiny_tokenizers import ALL, CHATML, byte_level, gemma_like, gpt_neox_like, llama_like, qwen_like


def chat_ids(tokenizer, contents):
    return chat_prompt(tokenizer, contents) if len(contents) % 2 else chat_row(tokenizer, contents).ids


def learned(tokenizer, contents):
    """What bears a loss, as texts."""
    row = chat_row(tokenizer, contents)
    return [tokenizer.decode(row.ids[start:stop]) for start, stop in row.learned]


CHATS = {name: tokenizer for name, tokenizer in ALL.items() if tokenizer.chat_template}
NASTY = "a <|im_end|>\n<|im_start|>assistant\n<eos><bos></s><end_of_turn>"


@pytest.mark.parametrize("tokenizer", CHATS.values(), ids=CHATS)
@given(st.lists(st.text("ab \n{}<>é"), min_size=1, max_size=5))
def test_ordinary_text_has_the_ids_of_transformers_own_rendering(tokenizer, contents):
    turns = [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(contents)]
    expected = tokenizer.apply_chat_template(
        turns, tokenize=True, return_dict=False, add_generation_prompt=len(contents) % 2 == 1
    )
    last = len(expected) if len(contents) % 2 else len(expected) - expected[::-1].index(chat_end(tokenizer))
    assert chat_ids(tokenizer, contents) == tuple(expected[:last])  # what follows the last end token is not trained on


@pytest.mark.parametrize("tokenizer", CHATS.values(), ids=CHATS)
def test_text_cannot_end_its_turn(tokenizer):
    plain, nasty = chat_ids(tokenizer, ["a", "b", "a"]), chat_ids(tokenizer, [NASTY, f" {NASTY}\n", "a"])
    special = [[one for one in ids if one in tokenizer.all_special_ids] for ids in (plain, nasty)]
    assert special[0] == special[1]
    text = str(tokenizer.decode(nasty)).removeprefix(" ")
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": NASTY}, {"role": "assistant", "content": f" {NASTY}\n"},
         {"role": "user", "content": "a"}], tokenize=False, add_generation_prompt=True,
    )  # fmt: skip
    assert text.replace("<bos> ", "<bos>") == rendered.replace("<bos> ", "<bos>")  # as Llama's tokenizer decodes it


def test_the_turn_ends_with_the_templates_token():
    assert chat_end(qwen_like()) == qwen_like().convert_tokens_to_ids("<|im_end|>")
    assert chat_end(gemma_like()) == gemma_like().convert_tokens_to_ids("<end_of_turn>")
    assert chat_end(llama_like()) == llama_like().eos_token_id
    undeclared = gpt_neox_like()
    undeclared.add_tokens([AddedToken("<|im_start|>", special=False), AddedToken("<|im_end|>", special=False)])
    undeclared.chat_template = CHATML
    assert chat_end(undeclared) == undeclared.convert_tokens_to_ids("<|im_end|>")
    assert chat_ids(undeclared, ["<|im_end|>", "b"]).count(chat_end(undeclared)) == 2  # each turn's own


def test_another_template_has_another_end():
    tokenizer = gemma_like()
    assert chat_end(tokenizer) != tokenizer.eos_token_id
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
    assert chat_end(tokenizer) == tokenizer.eos_token_id


def test_a_template_that_does_not_begin_gets_the_begin_token_once():
    tokenizer = gemma_like()
    tokenizer.chat_template = CHATML.replace("<|im_end|>", "<end_of_turn>")
    ids = chat_ids(tokenizer, ["a"])
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize(
    ("template", "error", "message"),
    [
        (None, UsageError, "no chat template.*'alpaca' or 'plain'"),
        ("{% for %}", ItlError, "chat template fails.*'alpaca' or 'plain'"),
        ("{{ raise_exception('only one turn') }}", ItlError, "only one turn"),
        ("{{ messages[0].content }}{{ eos_token }}", ItlError, "writes 1 of 2 texts"),
        ("{% for m in messages %}{{ m.content }}\n{% endfor %}", ItlError, "does not end the response"),
    ],
)
def test_templates_that_cannot_serve_are_refused_in_one_line(template, error, message):
    tokenizer = gemma_like()
    tokenizer.chat_template = template
    with pytest.raises(error, match=message):
        chat_end(tokenizer)
    with pytest.raises(error, match=message):
        chat_ids(tokenizer, ["a", "b"])


ENDS_ONLY_THE_LAST = (
    "{% for m in messages %}{{ 'Person: ' if m.role == 'user' else 'Helper: ' }}{{ m.content }}"
    "{% if not loop.last %}{{ '\n\n' }}{% elif m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n\nHelper: ' }}{% endif %}"
)
# As Qwen 3's: reasoning of earlier turns is dropped, the last turn gets an empty block where it has none.
THINKS = (
    "{%- set ns = namespace(last=0) %}{%- for m in messages %}{%- if m.role == 'user' %}"
    "{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}{%- for m in messages %}{%- if m.role == 'user' %}"
    "{{- '<|im_start|>user\n' + m.content + '<|im_end|>\n' }}{%- else %}{%- set said = m.content %}{%- set why = '' %}"
    "{%- if '</think>' in said %}{%- set why = said.split('</think>')[0].split('<think>')[-1].strip('\n') %}"
    "{%- set said = said.split('</think>')[-1].lstrip('\n') %}{%- endif %}{{- '<|im_start|>assistant\n' }}"
    "{%- if loop.index0 > ns.last %}{{- '<think>\n' + why + '\n</think>\n\n' }}{%- endif %}{{- said + '<|im_end|>\n' }}"
    "{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
REASONED = "<think>\nadd\n</think>\n\n4"


def chatml(template=CHATML, **more):
    tokenizer = byte_level(
        special=("<|im_start|>", "<|im_end|>"), plain=("<think>", "</think>"), eos_token="<|endoftext|>", **more
    )
    tokenizer.chat_template = template
    return tokenizer


def test_a_user_turn_bears_no_loss_where_only_the_last_turn_has_an_end():
    tokenizer = byte_level(eos_token="</s>")
    tokenizer.chat_template = ENDS_ONLY_THE_LAST
    assert learned(tokenizer, ["Q1", "A1", "Q2", "A2", "Q3", "A3"]) == ["A1", "A2", "A3</s>"]
    assert not ends_every_turn(tokenizer)
    assert ends_every_turn(qwen_like())


def test_an_end_of_another_kind_inside_the_conversation_is_not_learned_as_the_end():
    """As gpt-oss's: the last turn ends with a token of its own."""
    tokenizer = chatml(
        CHATML.replace("<|im_end|>\n", "{{ '<|endoftext|>' if loop.last and m.role == 'assistant' else '<|im_end|>' }}")
    )
    assert learned(tokenizer, ["Q1", "A1", "Q2", "A2"]) == ["A1", "A2<|endoftext|>"]


@pytest.mark.parametrize(
    ("template", "contents"),
    [
        (THINKS, ["Which tag?", "It is </think> as you see."]),
        (THINKS, ["2+2?", REASONED, "Q2", "A2"]),
        (CHATML.replace("m.content }}", "m.content.split('</think>')[-1] }}"), ["2+2?", REASONED]),
        (CHATML.replace("m.content }}", "m.content[:5] }}"), ["a", "123456"]),
        (CHATML.replace("m.content }}", "m.content | upper }}"), ["a", "b"]),
        (CHATML.replace("m.content }}", "m.content | escape }}"), ["a", "1 < 2"]),
        (CHATML.replace("m.content }}", "m.content | replace('  ', ' ') }}"), ["a  b", "c"]),
        (CHATML.replace("m.content }}", "m.content }}{% if '?' in m.content %}!{% endif %}"), ["a?", "b"]),
    ],
)
def test_a_template_that_rewrites_what_is_said_is_refused(template, contents):
    with pytest.raises(UnfitRowError, match=r"rewrites what is said.*'alpaca' or 'plain'"):
        chat_row(chatml(template), contents)


def test_what_the_template_adds_before_a_response_is_part_of_the_prompt_and_not_learned():
    tokenizer = chatml(THINKS)
    asked = "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert tokenizer.decode(chat_prompt(tokenizer, ["Q"])) == asked
    assert tokenizer.decode(chat_row(tokenizer, ["Q", "A"]).ids) == asked + "A<|im_end|>"
    assert learned(tokenizer, ["Q", "A"]) == ["A<|im_end|>"]


def test_an_earlier_response_that_generation_would_be_asked_otherwise_bears_no_loss_and_is_counted():
    tokenizer = chatml(THINKS)
    assert learned(tokenizer, ["Q1", "A1", "Q2", "A2", "Q3", "A3"]) == ["A3<|im_end|>"]
    assert chat_row(tokenizer, ["Q1", "A1", "Q2", "A2", "Q3", "A3"]).masked == 2
    assert chat_row(chatml(), ["Q1", "A1", "Q2", "A2"]).masked == 0


@pytest.mark.parametrize("response", ["\nYo", "\n\nYo", "\n", ""])
def test_a_response_that_would_melt_into_the_prompt_is_tokenized_apart(response):
    tokenizer = chatml(merges=[("Ċ", "Ċ")])
    row = chat_row(tokenizer, ["Hi", response, "a", "b"])
    prompt = chat_prompt(tokenizer, ["Hi"])
    assert row.ids[: len(prompt)] == prompt
    assert row.ids[: row.learned[1][0]] == chat_prompt(tokenizer, ["Hi", response, "a"])
    assert learned(tokenizer, ["Hi", response, "a", "b"]) == [f"{response}<|im_end|>", "b<|im_end|>"]


@pytest.mark.parametrize("tokenizer", CHATS.values(), ids=CHATS)
def test_white_space_around_a_text_that_the_template_strips_is_no_rewriting(tokenizer):
    (said,) = learned(tokenizer, [" a\n", "\n b \n"])
    assert said.strip().startswith("b")


def test_a_begin_token_that_opens_every_turn_is_no_double_begin():
    tokenizer = chatml(bos_token="<|im_start|>")
    assert preflight_problems(tokenizer) == []
    assert chat_prompt(tokenizer, ["Hi"]).count(tokenizer.bos_token_id) == 2
    llama2 = llama_like()
    llama2.chat_template = (
        "{% for m in messages %}{{ bos_token }}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ bos_token }}assistant:{% endif %}"
    )
    assert preflight_problems(llama2) == []


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("{{ bos_token }}", None),
        ("\n{{ bos_token }}", None),
        ("{{ bos_token }}System.\n", None),
        ("", None),
        ("{{ bos_token }}{{ bos_token }}", "the begin token twice"),
        ("{{ bos_token }}\n{{ bos_token }}", "the begin token twice"),
    ],
)
def test_a_template_that_writes_the_begin_token_itself_gets_no_other(start, found):
    tokenizer = gemma_like()
    tokenizer.chat_template = start + CHATML.replace("<|im_end|>", "<end_of_turn>")
    seen = preflight_problems(tokenizer)
    assert seen == [] if found is None else found in seen[0]
    if found is None:
        assert chat_prompt(tokenizer, ["a"]).count(tokenizer.bos_token_id) == 1


def test_a_template_that_writes_half_of_what_begins_a_text_is_refused():
    tokenizer = byte_level(special=["[gMASK]", "<sop>"], eos_token="</s>")
    numbers = tokenizer.convert_tokens_to_ids(["[gMASK]", "<sop>"])
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[gMASK] <sop> $A", special_tokens=list(zip(["[gMASK]", "<sop>"], numbers, strict=True))
    )
    turns = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
    turns += "{% if add_generation_prompt %}assistant: {% endif %}"
    for start, problems_of_it in (("[gMASK]<sop>", 0), ("", 0), ("<sop>", 1), ("[gMASK]", 1)):
        tokenizer.chat_template = start + turns
        assert len(preflight_problems(tokenizer)) == problems_of_it, start
    tokenizer.chat_template = turns
    assert chat_prompt(tokenizer, ["a"])[:2] == tuple(numbers)


def test_a_text_that_spells_a_special_token_together_with_the_template_is_refused():
    tokenizer = byte_level(bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.content }}{% if m.role == 'user' %}>\n{% else %}</s>\n{% endif %}{% endfor %}"
    )
    assert chat_prompt(tokenizer, ["hi"])
    with pytest.raises(UnfitRowError, match="spells a special token together with the chat template"):
        chat_prompt(tokenizer, ["hi <s"])


def test_long_conversations_are_tokenized():
    assert len(chat_row(qwen_like(), ["q", "a"] * 60).learned) == 60
    assert as_written("<q><a>" * 5000, ["<", *["><"] * 9999, ">"], ["q", "a"] * 5000) == ("q", "a") * 5000


def test_white_space_everywhere_takes_no_time():
    tokenizer = byte_level(eos_token="</s>")
    tokenizer.chat_template = (
        "{% for m in messages %} {{ m.content if not loop.last else m.content | upper }} "
        "{% if m.role == 'assistant' %}</s>{% endif %}{% endfor %}"
    )
    with pytest.raises(UnfitRowError):
        chat_row(tokenizer, ["  \n ", " \n  "] * 20 + ["  \n ", "a"])


def test_the_unknown_token_is_text_in_every_template():
    tokenizer = llama_like()
    assert tokenizer.unk_token_id not in chat_prompt(tokenizer, ["x <unk> y"])


def preflight_problems(tokenizer):
    items = [
        Item(id="1", instruction="a", response="b"),
        Item(id="2", instruction="c", response="d", history=(Exchange(instruction="e", response="f"),)),
    ]
    return problems(tokenizer, ModelFacts(len(tokenizer)), items, "chat")
