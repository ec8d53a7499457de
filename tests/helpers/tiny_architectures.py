"""Models of many architectures, a few thousand random weights each."""

import torch
import transformers

SIZES = {
    "vocab_size": 64, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
MORE = {
    "Gemma": {"head_dim": 4}, "Gemma2": {"head_dim": 4}, "Gemma3": {"head_dim": 4}, "Mixtral": EXPERTS,
    "GptOss": EXPERTS | {"head_dim": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
    "Qwen3Moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 12, "head_dim": 4},
    "MBart": {
        "d_model": 16, "decoder_layers": 1, "encoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 8,
        "scale_embedding": True,
    },
    "Mamba": {"state_size": 4},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1, "eos_token_id": 2},
}  # fmt: skip
NAMES = {"Gemma3": "Gemma3Text"}
HEADS = {"GPT2": "GPT2LMHeadModel"}


def tiny(name, seed=1, **changes):
    """The causal model of an architecture, in evaluation mode."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": 64} if name == "GPT2" else SIZES
    config = getattr(transformers, f"{NAMES.get(name, name)}Config")(**sizes | MORE.get(name, {}) | changes)
    return getattr(transformers, HEADS.get(name, f"{name}ForCausalLM"))(config).eval()


def move_adapters(model, seed=3):
    """Adapters begin without effect: give every matrix of them random numbers."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(std=0.3)
    return model
