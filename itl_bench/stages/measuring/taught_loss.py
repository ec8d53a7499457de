"""The stage that scores a tuned model on what it was taught, asked for in words that tuning did not use."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from itl_bench.data.rows import Item, Table, read_lines, write_table
from itl_bench.data.tokens.asking import WORLD, Asking
from itl_bench.data.tokens.template import IGNORED, Example, TemplateName, padding_id, tokenize_items
from itl_bench.stages.loading import load_tokenizer, load_tuned
from itl_bench.stages.positions import check_rows, positions_of
from itl_bench.stages.training.tuning import collate
from itl_bench.store.artifact import ITEMS, TABLE, Artifact

BATCH = 128  # examples in memory at once, at most
VALUES = 1 << 28  # logits in memory at once: 1 GiB in fp32


def write_taught_loss(parents: Mapping[str, Artifact], folder: Path, asking: Asking = WORLD) -> None:
    """Write, for every item, the summed loss of its response in nats, and the number of tokens that bear it.

    The loss of a model that diverged is None.
    """
    base_of, unseen, checkpoint = (parents[name].folder for name in ("base", "unseen", "checkpoint"))
    tokenizer, items = load_tokenizer(base_of), read_lines(unseen / ITEMS, Item)
    template = cast("TemplateName", asking.template)
    tokenized = [tokenize_items(tokenizer, [item], template, asking.cutoff).examples for item in items]
    items = [item for item, found in zip(items, tokenized, strict=True) if found]  # as training leaves rows out
    examples = [example for found in tokenized for example in found]
    check_rows([item.id for item in items], [len(example.ids) for example in examples], positions_of(base_of))
    losses = response_losses(load_tuned(base_of, checkpoint), examples, padding_id(tokenizer))
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
    longest = max((len(example.ids) for example in examples), default=1)
    size = max(1, min(BATCH, VALUES // (longest * _vocabulary(model))))
    for start in range(0, len(examples), size):
        inputs = {name: part.to(device) for name, part in collate(examples[start : start + size], padding).items()}
        labels = inputs.pop("labels")[:, 1:]
        with torch.inference_mode():
            logits = model(**inputs).logits[:, :-1].float()
        each = cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
        found += each.double().sum(dim=1).tolist()
    return tuple(loss if loss < float("inf") else None for loss in found)


def _vocabulary(model: nn.Module) -> int:
    embeddings: nn.Embedding = model.get_input_embeddings()  # type: ignore[operator]
    return int(embeddings.num_embeddings)
