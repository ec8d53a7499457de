"""How the rows of one update are divided into what goes through the model at once."""

from collections.abc import Mapping, Sequence

import torch

from itl_bench.data.tokens.template import IGNORED

Batch = dict[str, torch.Tensor]


def micro_batches(lengths: Sequence[int], rows: int | None, tokens: int | None, grouped: bool) -> list[list[int]]:
    """Divide the rows of one update.

    Args:
        lengths: Tokens of every row.
        rows: Most rows of a micro-batch; None for any number.
        tokens: Most positions of a micro-batch, padding included; a longer row goes alone. None for any number.
        grouped: Put rows of similar length together, the longest first, so that too little memory shows at once.

    Returns:
        Numbers of rows; every row is in one micro-batch.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row]) if grouped else range(len(lengths))
    parts: list[list[int]] = []
    for row in order:
        wider = [*parts[-1], row] if parts else []
        fits = bool(wider) and (rows is None or len(wider) <= rows)
        if fits and (tokens is None or len(wider) * max(lengths[one] for one in wider) <= tokens):
            parts[-1] = wider
        else:
            parts.append([row])
    return parts


def shares(
    lengths: Sequence[int], rows: int | None, tokens: int | None, grouped: bool, processes: int
) -> list[list[list[int]]]:
    """Divide the rows of one update among processes, and the share of each into micro-batches.

    Args:
        lengths: Tokens of every row.
        rows: As for `micro_batches`, of each process.
        tokens: Likewise.
        grouped: Likewise.
        processes: Among how many.

    Returns:
        Micro-batches of every process; every row is in one of them. All have equally many, for all go through the
        model at the same time, so that some may be empty.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row]) if processes > 1 else list(range(len(lengths)))
    made = []
    for own in (order[first::processes] for first in range(processes)):  # each gets as long rows as the others
        parts = micro_batches([lengths[row] for row in own], rows, tokens, grouped)
        made.append([[own[place] for place in part] for part in parts])
    most = max(map(len, made))
    return [parts + [[]] * (most - len(parts)) for parts in made]


def padded_rows(batch: Mapping[str, torch.Tensor], rows: Sequence[int]) -> Batch:
    """Some rows of a batch that is padded on the right, no longer than the longest of them."""
    chosen = torch.tensor(rows, device=batch["attention_mask"].device)
    longest = int(batch["attention_mask"][chosen].sum(dim=1).max())
    return {name: values[chosen, :longest] for name, values in batch.items()}


def packed_rows(batch: Mapping[str, torch.Tensor], rows: Sequence[int]) -> Batch:
    """Some rows joined into one without padding.

    Positions start at 0 with every row, and there is no attention mask: by that transformers knows where rows begin,
    and lets none see another.

    Returns:
        input_ids, labels and position_ids, each of shape (1, tokens).
    """
    mask = batch["attention_mask"][torch.tensor(rows, device=batch["attention_mask"].device)].bool()
    ids, labels = (batch[name][rows] for name in ("input_ids", "labels"))
    labels = torch.cat([torch.full_like(labels[:, :1], IGNORED), labels[:, 1:]], dim=1)  # no row predicts the next
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    joined = {"input_ids": ids, "labels": labels, "position_ids": places}
    return {name: values[mask][None] for name, values in joined.items()}
