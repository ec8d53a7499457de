"""What each method changes: NEFTune's noise by a plain loop, LoRA's frozen weights, identities that keep keys."""

import hashlib

import pytest
import torch

from itl_bench.catalog.loading import load_catalog
from itl_bench.errors import UsageError
from itl_bench.methods.neftune import noise
from itl_bench.methods.registry import SHIPPED, identity, load_method
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from tests.helpers.methods_made import codes, method_of
from tests.helpers.tiny_weights import tiny_llama

LORA = {"rank": 4, "alpha": 8, "targets": "all-linear"}


def test_noise_is_scaled_by_each_sequences_own_length_and_leaves_padding_alone():
    lengths, width, alpha = [3, 7, 10], 8, 5.0
    mask = torch.tensor([[1] * length + [0] * (10 - length) for length in lengths])
    torch.manual_seed(1)
    draws = torch.stack([noise(torch.zeros(3, 10, width), mask, alpha) for _ in range(400)])
    for row, length in enumerate(lengths):
        bound = alpha / (length * width) ** 0.5
        present = draws[:, row, :length]
        assert float(present.abs().max()) <= bound
        assert float(present.abs().max()) > 0.99 * bound
        assert float(present.std()) == pytest.approx(bound / 3**0.5, rel=0.03)  # of a uniform distribution
        assert float(present.mean()) == pytest.approx(0, abs=0.03 * bound)
        assert not draws[:, row, length:].any()


def test_noise_is_added_while_training_only():
    model = method_of("full-neftune", {"noise_alpha": 5}).wrap_model(tiny_llama())
    ids = torch.tensor([[3, 4, 5, 6]])
    mask = torch.ones_like(ids)
    plain = tiny_llama()(input_ids=ids, attention_mask=mask).logits
    model.eval()
    assert torch.equal(model(input_ids=ids, attention_mask=mask).logits, plain)
    model.train()
    torch.manual_seed(0)
    assert not torch.allclose(model(input_ids=ids, attention_mask=mask).logits, plain, atol=1e-3)


def test_lora_trains_adapters_of_all_linear_layers_but_the_head():
    model = method_of("lora", LORA).wrap_model(tiny_llama(num_key_value_heads=4))
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    linear = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert {name for name in trained if "lora_" not in name} == set()
    for layer in linear:
        assert sum(layer in name for name in trained) == 2 * 2  # A and B in two layers
    assert not any("lm_head" in name or "embed" in name for name in trained)
    assert sum(weight.numel() for weight in model.parameters() if weight.requires_grad) == 2 * 4 * (
        4 * (16 + 16) + 3 * (16 + 24)
    )


def test_full_tuning_trains_everything():
    model = method_of("full", {}).wrap_model(tiny_llama())
    assert all(weight.requires_grad for weight in model.parameters())


FIRST = {  # sha256 of module and common module when the methods first shipped: every cell of a store has one in its key
    "full": "7f17ab11b3e08fb86c6a1ea21d3cc408abf375e86ff7214f3458f8523a8c6155",
    "lora": "dba1e9b5d79c05fc0d61f03acb421ec0b0fc277a511e7ef9548a314e311ad8c4",
    "full-neftune": "4cd0194f6e219d3579a7b1400734297367908cbdd4f2ae458bb494121c981636",
}


def test_every_method_of_the_catalog_that_trains_is_a_shipped_one():
    shipped = {name: one.code for name, one in SHIPPED.items()}
    assert {name: code for name, code in codes().items() if name in shipped} == shipped
    assert set(codes().values()) == set(shipped.values())  # other ranks are LoRA with other parameters


def test_a_first_version_keeps_the_keys_of_stores_made_before():
    assert all(SHIPPED[name].version in (first, *range(2, 100)) for name, first in FIRST.items())


def test_noise_is_new_on_every_base_but_those_that_ship_and_nothing_else_is():
    for name, shipped in SHIPPED.items():
        assert identity(shipped.code) == shipped.version
        assert identity(shipped.code, ships=False) == (2 if name == "full-neftune" else shipped.version)


def test_cells_of_noise_on_bases_that_ship_keep_their_keys():
    graph = Graph(load_catalog())
    cells = {
        ("bios1m", "bios-new30-short", 0.003): FIRST["full-neftune"], ("gemma270m", "atlas-new50-short", 0.0001): 2,
    }  # fmt: skip
    for (model, dataset, rate), source in cells.items():
        task = graph.checkpoint(TunedCell(model, dataset, "full-neftune", rate, Replicate(1, 11)))
        assert task.spec["method"]["source"] == source


OWN = "class Own(Method):\n    pass\n"
HEAD = "from itl_bench.methods.method import Method\n"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A user's own method, in a module beside the package."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / f"own_method_{tmp_path.name.replace('-', '_')}.py"
    path.write_text(HEAD + OWN, encoding="utf-8")
    return path


def test_a_users_method_is_identified_by_its_source(own):
    code = f"{own.stem}:Own"
    before = identity(code)
    assert identity(code) == before == hashlib.sha256((HEAD + OWN).encode()).hexdigest()
    own.write_text(HEAD + OWN.replace("pass", "..."), encoding="utf-8")
    assert identity(code) != before


def test_a_users_method_is_loaded_with_its_parameters(own):
    method = load_method(f"{own.stem}:Own", {"size": 3})
    assert type(method).__name__ == "Own"
    assert method.parameters == {"size": 3}


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"no source of the module 'nowhere\.at_all' .* is it installed\?"):
        identity("nowhere.at_all:Own")


@pytest.mark.parametrize(("name", "said"), [("Other", "has no 'Other'"), ("__name__", "is no method")])
def test_what_is_no_method_is_named(name, said, own):
    with pytest.raises(UsageError, match=said):
        load_method(f"{own.stem}:{name}", {})


def test_dropout_of_lora_is_on_in_training_only():
    model = method_of("lora", LORA | {"dropout": 0.5}).wrap_model(tiny_llama())
    for name, weight in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    ids = torch.tensor([[3, 4, 5, 6]])
    with torch.no_grad():
        asked = model.eval()(input_ids=ids).logits
        assert torch.equal(model(input_ids=ids).logits, asked)
        model.train()
        assert not torch.allclose(model(input_ids=ids).logits, model(input_ids=ids).logits)
        merged = model.eval().merge_and_unload()
        torch.testing.assert_close(merged(input_ids=ids).logits, asked, atol=1e-4, rtol=1e-4)


def test_dropout_is_none_unless_it_is_given_and_a_share():
    assert method_of("lora", LORA).parameters == LORA | {"dropout": 0.0}
    with pytest.raises(UsageError, match=r"unknown parameter 'dropuot'; did you mean 'dropout'\?"):
        method_of("lora", LORA | {"dropuot": 0.1})
    for wrong, accepted in ((1, "a number below 1"), (-0.1, "a number of at least 0")):
        with pytest.raises(UsageError, match=f"parameter 'dropout': {wrong} was given; accepted is {accepted}"):
            method_of("lora", LORA | {"dropout": wrong})
