"""Adapters of tiny models, far enough from zero to change answers."""

import torch
from peft import LoraConfig, get_peft_model

from itl_bench.stages.loading import load_model


def write_adapter(base, folder, seed, **config):
    torch.manual_seed(seed)
    settings = {"r": 2, "target_modules": "all-linear", "task_type": "CAUSAL_LM"} | config
    model = get_peft_model(load_model(base), LoraConfig(**settings))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.3 * torch.randn_like(weight))
    model.save_pretrained(folder)
    return folder
