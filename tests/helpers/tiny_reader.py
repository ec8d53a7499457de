"""Tiny random models that read and write a few letters; what they say means nothing."""

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tests.helpers.tiny_tokenizers import begins_with

PADDING, BEGIN, END = "<pad>", "<s>", "</s>"
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "initializer_range": 0.2, "tie_word_embeddings": False,
}  # fmt: skip


def letters_tokenizer(letters="abc: \n", normalizer: normalizers.Normalizer | None = None):
    """One token per letter, and the begin token before every text."""
    vocabulary = {name: number for number, name in enumerate((PADDING, BEGIN, END, *letters))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=PADDING))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = begins_with(BEGIN, vocabulary[BEGIN])
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PADDING
    )


def llama(vocabulary: int, seed=1):
    torch.manual_seed(seed)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=vocabulary, **SIZES)).eval()


def gemma(vocabulary: int, seed=1):
    """With a window that is shorter than the texts of the tests."""
    torch.manual_seed(seed)
    layers = ["sliding_attention", "full_attention", "sliding_attention"]
    config = transformers.Gemma3TextConfig(
        vocab_size=vocabulary, sliding_window=8, layer_types=layers, query_pre_attn_scalar=8, **SIZES
    )
    return transformers.Gemma3ForCausalLM(config).eval()


def practised(model, tokenizer, lines=("a: b\n", "b: c\n", "c: abc\n", "ab: bb\n", "ca: bac\n"), steps=40):
    """The same model, having read such lines: it answers like them, often, and not always."""
    draw = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        order = torch.randint(len(lines), (16, 8), generator=draw).tolist()
        texts = ["".join(lines[place] for place in row) for row in order]
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"][:28] for text in texts])
        logits = model(input_ids=torch.cat([torch.ones(16, 1, dtype=torch.long), ids[:, :-1]], dim=1)).logits
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()
