"""LoRA on state-space mixers: no adapter goes where a kernel would read past it, whatever the class is called."""

import pytest
import transformers

from itl_bench.errors import UsageError
from itl_bench.methods.lora import read_past
from itl_bench.stages.adapters import linear_weights, reach_note
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_architectures import SIZES, tiny

LORA = {"rank": 2, "alpha": 4, "targets": "all-linear"}
STATES = {"mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 4, "mamba_n_groups": 1, "mamba_chunk_size": 8}


def bamba():
    return transformers.BambaForCausalLM(transformers.BambaConfig(**SIZES, **STATES, attn_layer_indices=[1]))


def test_all_linear_leaves_out_what_kernels_read_past_and_says_so():
    model = bamba()
    linear = linear_weights(model)
    adapted = method_of("lora", LORA).wrap_model(model)
    assert not any("out_proj" in name for name in adapted.targeted_module_names)
    assert any("in_proj" in name for name in adapted.targeted_module_names)
    assert "left out: model.layers.*.mamba.out_proj" in reach_note(linear, adapted)


@pytest.mark.parametrize("targets", [("out_proj", "q_proj"), r".*\.(out_proj|q_proj)"])
def test_who_names_such_a_module_is_told(targets):
    with pytest.raises(UsageError, match=r"no adapter can go to model.layers.0.mamba.out_proj \(1 such in all\)"):
        method_of("lora", LORA | {"targets": targets}).wrap_model(bamba())


def test_other_models_have_no_such_modules():
    assert read_past(tiny("Llama")) == []
    assert read_past(tiny("Mamba")) == [f"backbone.layers.{at}.mixer.{part}" for at in (0, 1) for part in PARTS]


PARTS = ("out_proj", "conv1d")
