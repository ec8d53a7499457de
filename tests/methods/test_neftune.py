"""NEFTune on every kind of embeddings: one alpha is one share of noise; the library's way is a method of its own."""

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from itl_bench.errors import ItlError, UsageError
from itl_bench.methods.neftune import Neftune, NeftuneLibrary, scale_of
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.training.arguments import training_arguments
from itl_bench.stages.training.tuning import collate, train
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_architectures import tiny
from tests.helpers.tiny_training import examples, llama

ALPHA, LENGTH, WIDTH = 5, 32, 640
WIDE = {"hidden_size": WIDTH, "head_dim": 160, "initializer_range": 0.02}
IDS = torch.randint(3, 29, (1, LENGTH), generator=torch.Generator().manual_seed(1))
LORA = {"rank": 2, "alpha": 4, "targets": "all-linear"}


class Watched:
    """The embeddings of a model, after the hooks of its methods."""

    def __init__(self, model):
        self.seen = []
        model.get_input_embeddings().register_forward_hook(lambda module, inputs, output: self.seen.append(output))


def noise_of(model, ids=IDS, mask=None, **given):
    """The noise on the embeddings of one forward pass, and the embeddings without it."""
    clean = model.eval().get_input_embeddings()(ids).detach()
    watched = Watched(model)
    given = given or {"input_ids": ids}
    model.train()(**given, attention_mask=torch.ones_like(ids) if mask is None else mask)
    return watched.seen[-1].detach() - clean, clean


def share(model):
    noise, clean = noise_of(model)
    return float(noise.norm() / clean.norm())


def expected_share(model):
    """Of uniform noise of size alpha / sqrt(L d) to the rows of the table, which no layer has scaled."""
    size = ALPHA / (LENGTH * WIDTH) ** 0.5
    rows = model.get_input_embeddings().weight[IDS[0]]
    return size / 3**0.5 * (LENGTH * WIDTH) ** 0.5 / float(rows.norm())


@pytest.mark.parametrize("name", ["Llama", "Gemma", "Gemma2", "Gemma3"])
def test_the_share_of_noise_is_the_same_whatever_the_layer_multiplies_embeddings_with(name):
    model = Neftune({"noise_alpha": ALPHA}).wrap_model(tiny(name, **WIDE))
    assert share(model) == pytest.approx(expected_share(model), rel=0.02)


def test_a_multiplier_behind_the_embeddings_takes_the_noise_along():
    model = tiny("Granite", **WIDE | {"embedding_multiplier": 12.0})
    assert share(Neftune({"noise_alpha": ALPHA}).wrap_model(model)) == pytest.approx(expected_share(model), rel=0.02)


class Renamed(nn.Embedding):
    """A layer that scales by a name of its own."""

    def forward(self, ids):
        return super().forward(ids) * 7


class Normed(nn.Embedding):
    """A layer that gives every row the length of its width's root."""

    def forward(self, ids):
        rows = super().forward(ids)
        return rows / rows.norm(dim=-1, keepdim=True) * rows.shape[-1] ** 0.5


@pytest.mark.parametrize("layer", [Renamed, Normed])
def test_the_scale_is_measured_not_read_from_an_attribute(layer):
    model = tiny("Llama", **WIDE)
    embeddings = layer(64, WIDTH)
    embeddings.weight.data.normal_(std=0.02)
    model.set_input_embeddings(embeddings)
    assert share(Neftune({"noise_alpha": ALPHA}).wrap_model(model)) == pytest.approx(expected_share(model), rel=0.02)


def test_embeddings_that_are_not_scaled_have_the_scale_1_exactly():
    assert scale_of(tiny("Llama").get_input_embeddings()) == 1.0
    assert scale_of(tiny("Gemma3").get_input_embeddings()) == pytest.approx(4.0, rel=1e-6)
    assert scale_of(nn.Embedding(3, 2, _weight=torch.zeros(3, 2))) == 1.0


@pytest.mark.parametrize(("name", "scale"), [("GPT2", 1), ("Mamba", 1), ("MBart", 4), ("Gemma2", 4)])
def test_padding_gets_no_noise_whichever_part_of_an_architecture_is_called_with_the_mask(name, scale):
    mask = torch.ones_like(IDS)
    mask[:, 20:] = 0
    noise, _ = noise_of(Neftune({"noise_alpha": ALPHA}).wrap_model(tiny(name)), mask=mask)
    bound = scale * ALPHA / (20 * 16) ** 0.5
    assert not noise[:, 20:].any()
    assert 0.95 * bound < float(noise[:, :20].abs().max()) <= 1.0001 * bound


def test_rows_that_come_without_a_mask_after_others_with_one_count_as_a_whole():
    model, mask = Neftune({"noise_alpha": ALPHA}).wrap_model(tiny("Llama")), torch.ones_like(IDS)
    mask[:, 20:] = 0
    watched, clean = Watched(model), tiny("Llama").get_input_embeddings()(IDS)
    with torch.no_grad():
        model.eval()(input_ids=IDS, attention_mask=mask)
        model.train()(input_ids=IDS)
    assert torch.equal(watched.seen[0], clean)
    assert (watched.seen[1] != clean).all(dim=-1).all()


def both(model, first):
    methods = [method_of("full-neftune", {"noise_alpha": ALPHA}), method_of("lora", LORA)]
    for method in methods if first == "noise" else methods[::-1]:
        model = method.wrap_model(model)
    return model


@pytest.mark.parametrize("name", ["Llama", "Gemma3"])
@pytest.mark.parametrize("first", ["noise", "adapter"])
def test_noise_stays_on_under_an_adapter_and_knows_the_padding(first, name):
    mask = torch.ones_like(IDS)
    mask[:, 20:] = 0
    model = both(tiny(name, **WIDE), first)
    noise, _ = noise_of(model, mask=mask)
    bound = ALPHA / (20 * WIDTH) ** 0.5 * (WIDTH**0.5 if name == "Gemma3" else 1)
    assert not noise[:, 20:].any()
    assert 0.99 * bound < float(noise[:, :20].abs().max()) <= 1.0001 * bound


def test_an_adapter_on_the_embeddings_themselves_leaves_the_noise_as_it_is():
    model = method_of("lora", LORA | {"targets": ".*embed_tokens"}).wrap_model(tiny("Gemma3", **WIDE))
    assert share(Neftune({"noise_alpha": ALPHA}).wrap_model(model)) == pytest.approx(expected_share(model), rel=0.02)


def test_embeddings_that_are_called_on_their_own_while_training_are_refused():
    model = Neftune({"noise_alpha": ALPHA}).wrap_model(tiny("Llama")).train()
    with pytest.raises(ItlError, match="does not see which positions of LlamaForCausalLM are padding"):
        model.get_input_embeddings()(IDS)


# the library's way


def losses_of_the_library(rows, folder):
    """Transformers' own Trainer with its own argument, and nothing of ours."""
    arguments = training_arguments(TuningRecipe(epochs=1), 1e-3, 5, str(folder)) | {"neftune_noise_alpha": ALPHA}
    trainer = Trainer(
        model=llama(), args=TrainingArguments(**arguments), train_dataset=rows,
        data_collator=lambda some: collate(some, 0),
    )  # fmt: skip
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_the_librarys_noise_is_that_of_transformers_own_trainer(tmp_path):
    rows = examples(96)
    torch.manual_seed(5)
    expected = losses_of_the_library(rows, tmp_path)
    torch.manual_seed(5)
    method = NeftuneLibrary({"noise_alpha": ALPHA})
    log = train(method.wrap_model(llama()), rows, method, TuningRecipe(epochs=1), 1e-3, 5, 0)
    assert len(expected) == 3
    assert log.losses == pytest.approx(expected, abs=1e-6)


def test_the_librarys_noise_is_not_scaled_and_goes_to_padding_too():
    mask = torch.ones_like(IDS)
    mask[:, 20:] = 0
    noise, _ = noise_of(NeftuneLibrary({"noise_alpha": ALPHA}).wrap_model(tiny("Gemma3", **WIDE)), mask=mask)
    bound = ALPHA / (LENGTH * WIDTH) ** 0.5
    for part in (noise[:, :20], noise[:, 20:]):
        assert 0.99 * bound < float(part.abs().max()) <= 1.001 * bound


def test_rows_under_the_librarys_noise_are_padded_not_packed():
    method = NeftuneLibrary({"noise_alpha": ALPHA})
    log = train(method.wrap_model(llama()), examples(32), method, TuningRecipe(epochs=1, packing=True), 1e-3, 5, 0)
    assert log.notes == ["rows are padded, not packed: the method changes the input embeddings row by row"]


class Shifted(nn.Embedding):
    """A layer that adds to its rows."""

    def forward(self, ids):
        return super().forward(ids) + 100


def test_a_layer_that_does_more_than_multiply_is_refused_in_one_line():
    with pytest.raises(UsageError, match="the embedding layer Shifted does more than multiply the rows of its table"):
        scale_of(Shifted(10, 4))


def test_a_row_of_zeros_and_a_coarse_precision_are_no_reason():
    assert scale_of(nn.Embedding(10, 4, padding_idx=0)) == 1.0
    assert scale_of(tiny("Gemma", **WIDE).to(torch.bfloat16).get_input_embeddings()) == pytest.approx(
        640**0.5, rel=0.01
    )
