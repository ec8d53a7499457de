"""The stage that scores a tuned model on what it was taught, asked for in words that tuning did not use."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from itl_bench.artifact import Artifact
from itl_bench.data.rows import Item, Table, read_lines, write_table
from itl_bench.data.template import IGNORED, Example, TemplateName, padding_id, training_example
from itl_bench.generation.loading import load_tokenizer, load_tuned
from itl_bench.stage_files import ITEMS, TABLE
from itl_bench.training.tuning import collate

BATCH = 128  # examples in memory at once


def write_taught_loss(parents: Sequence[Artifact], folder: Path, template: TemplateName = "chat") -> None:
    """Write, for every item, the summed loss of its response in nats, and the number of tokens that bear it.

    The loss of a model that diverged is None.
    """
    base_of, unseen, checkpoint = parents
    tokenizer, items = load_tokenizer(base_of.folder), read_lines(unseen.folder / ITEMS, Item)
    examples = [training_example(tokenizer, item, template) for item in items]
    losses = response_losses(load_tuned(base_of.folder, checkpoint.folder), examples, padding_id(tokenizer))
    tokens = [float(sum(label != IGNORED for label in example.labels)) for example in examples]
    names = tuple(item.id for item in items)
    write_table(folder / TABLE, Table(prompts=names, units=names, columns={"loss": losses, "tokens": tuple(tokens)}))


def response_losses(model: nn.Module, examples: Sequence[Example], padding: int) -> tuple[float | None, ...]:
    """The negative log-likelihood of every example's response, end token included, in nats; None where not finite.

    Args:
        model: A causal language model.
        examples: Token ids, and the labels of the positions that count.
        padding: Token id to pad with.
    """
    found: list[float] = []
    device = next(model.parameters()).device
    for start in range(0, len(examples), BATCH):
        inputs = {name: part.to(device) for name, part in collate(examples[start : start + BATCH], padding).items()}
        labels = inputs.pop("labels")[:, 1:]
        with torch.inference_mode():
            logits = model(**inputs).logits[:, :-1].float()
        each = cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
        found += each.double().sum(dim=1).tolist()
    return tuple(loss if loss < float("inf") else None for loss in found)
