"""Tokenizers of the kinds that real models have, over single characters or bytes."""

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>assistant\n{% endif %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token }}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}"
)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def gpt_neox_like():
    """Byte-level; one token begins and ends, and there is no padding or unknown token."""
    return _fast(byte_level_backend(), bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def qwen_like():
    """Byte-level without a begin token, in ChatML; the end of a turn is not the end of a text."""
    tokenizer = _fast(byte_level_backend(), eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    tokenizer.add_tokens([AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True)])
    tokenizer.chat_template = CHATML
    return tokenizer


def gemma_like():
    """SentencePiece with byte fallback and no space before the text."""
    tokenizer = _sentencepiece(normalizers.Replace(" ", "▁"))
    tokenizer.add_tokens([AddedToken("<start_of_turn>", special=True), AddedToken("<end_of_turn>", special=True)])
    tokenizer.chat_template = GEMMA
    return tokenizer


def llama_like():
    """SentencePiece that puts a space before every text."""
    tokenizer = _sentencepiece(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), 1)
    tokenizer.chat_template = LLAMA2
    return tokenizer


def byte_level(merges=(), special=(), plain=(), **tokens):
    """Bytes, with merges of two of them (as "ĊĊ" of two line breaks) and tokens of its own."""
    tokenizer = _fast(byte_level_backend(merges), **tokens)
    tokenizer.add_tokens([AddedToken(one, special=True) for one in special])
    tokenizer.add_tokens([AddedToken(one, special=False) for one in plain])
    return tokenizer


def byte_level_backend(merges=()):
    vocabulary = {character: index for index, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    backend = Tokenizer(models.BPE(vocabulary, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not merges)
    backend.decoder = decoders.ByteLevel()
    return backend


def _sentencepiece(normalizer, stripped=0):
    characters = ["<pad>", "<eos>", "<bos>", "<unk>", *BYTES, "▁", *map(chr, range(33, 127))]
    vocabulary = {character: index for index, character in enumerate(characters)}
    backend = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    backend.normalizer = normalizer
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    backend.decoder = decoders.Sequence(steps + [decoders.Strip(" ", stripped, 0)] * bool(stripped))
    backend.post_processor = begins_with("<bos>", vocabulary["<bos>"])
    return _fast(backend, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>")


def begins_with(token, number):
    """What puts a token before every text."""
    return processors.TemplateProcessing(single=f"{token} $A", special_tokens=[(token, number)])


def _fast(backend, **tokens):
    return PreTrainedTokenizerFast(tokenizer_object=backend, **tokens)


ALL = {make.__name__: make() for make in (gpt_neox_like, qwen_like, gemma_like, llama_like)}
