"""What each method changes: NEFTune's noise by a plain loop, LoRA's frozen weights, keys that follow the source."""

import shutil
from pathlib import Path

import pytest
import torch

from itl_bench.errors import UsageError
from itl_bench.methods import registry
from itl_bench.methods.neftune import noise
from itl_bench.methods.registry import SHIPPED, load_method, source_hash
from tests.test_generation import tiny

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
    model = load_method("full-neftune", {"noise_alpha": 5}).wrap_model(tiny())
    ids = torch.tensor([[3, 4, 5, 6]])
    mask = torch.ones_like(ids)
    plain = tiny()(input_ids=ids, attention_mask=mask).logits
    model.eval()
    assert torch.equal(model(input_ids=ids, attention_mask=mask).logits, plain)
    model.train()
    torch.manual_seed(0)
    assert not torch.allclose(model(input_ids=ids, attention_mask=mask).logits, plain, atol=1e-3)


def test_lora_trains_adapters_of_all_linear_layers_but_the_head():
    model = load_method("lora", LORA).wrap_model(tiny())
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
    model = load_method("full", {}).wrap_model(tiny())
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The shipped methods' modules as copies that a test may edit: their ids, and the folder that they are in."""
    for module in ("full", "lora", "neftune", "method"):
        shutil.copy(Path(registry.__file__).with_name(f"{module}.py"), tmp_path / f"copied_{module}.py")
    places = {name: place.replace("itl_bench.methods.", "copied_") for name, place in SHIPPED.items()}
    monkeypatch.setattr(registry, "SHIPPED", places)
    monkeypatch.setattr(registry, "COMMON", tmp_path / "copied_method.py")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def hashes():
    return {name: source_hash(name) for name in registry.SHIPPED}


def edit_one_character(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(".", ",", 1), encoding="utf-8")


def test_a_method_is_identified_by_its_source(copied):
    before = hashes()
    assert len(set(before.values())) == len(SHIPPED)
    assert hashes() == before


@pytest.mark.parametrize(("module", "method"), [("full", "full"), ("lora", "lora"), ("neftune", "full-neftune")])
def test_an_edit_of_a_method_changes_its_hash_alone(module, method, copied):
    before = hashes()
    edit_one_character(copied / f"copied_{module}.py")
    after = hashes()
    assert {name for name in before if after[name] != before[name]} == {method}


def test_an_edit_of_what_methods_build_on_changes_all_hashes(copied):
    before = hashes()
    edit_one_character(copied / "copied_method.py")
    after = hashes()
    assert all(after[name] != before[name] for name in before)


def test_where_a_module_is_does_not_matter(monkeypatch, copied):
    of_copies = hashes()
    monkeypatch.undo()
    assert hashes() == of_copies


def test_an_unknown_method_is_named():
    with pytest.raises(UsageError, match="unknown method that trains 'lorra'; did you mean 'lora'"):
        source_hash("lorra")
