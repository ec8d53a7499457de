"""Whether a model reads forwards: one that sees what it is to predict learns to copy it, and its loss says nothing."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedModel

from itl_bench.errors import UsageError
from itl_bench.stages.positions import positions
from itl_bench.stages.reading import one_line

LONGEST = 16  # tokens of a row that is asked
UNCHANGED = 1e-5  # of what later tokens change at their own places: kernels round, as experts do with other company
FORWARDS: set[str] = set()  # class and config of models that do: a base is loaded again for each of its cells
REACHED = 1e-6  # of the largest gradient; where nothing flows it is 0 in every precision


def check_reads_forwards(model: PreTrainedModel, name: str) -> None:
    """Refuse a model whose logits depend on tokens that come later, and one that does not run on a row of tokens.

    Classes do not tell: a BERT under a causal head is an encoder unless its config says `is_decoder`. So it is asked.
    Rows are asked one at a time, so that neither takes the other's place with an expert.

    Args:
        model: Whole, in evaluation mode.
        name: Of the weights, for the message.

    Raises:
        UsageError: It is such a model.
    """
    asked = f"{type(model).__qualname__} {sorted((model.config.to_dict() | {'_name_or_path': ''}).items(), key=str)}"
    if asked in FORWARDS:
        return
    try:
        sees = _sees_ahead(model)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # of whatever kind: what a class does with input that it was not made for
        raise UsageError(
            f"{name} is a {type(model).__name__} that does not run on a row of tokens alone: {one_line(error)}; give a "
            "decoder of text, as LlamaForCausalLM"
        ) from error
    if sees:
        decoder = getattr(model.config, "is_decoder", None) is False
        raise UsageError(
            f"{name} is a {type(model).__name__} whose logits depend on the tokens that come after: it sees what it is "
            f"to predict{' (is_decoder is false in its config.json)' if decoder else ''}; give a decoder of text, as "
            "LlamaForCausalLM"
        )
    FORWARDS.add(asked)


def _sees_ahead(model: PreTrainedModel) -> bool:
    embeddings = model.get_input_embeddings()
    first, second, shared = _rows(len(embeddings.weight), positions(model.config))  # type: ignore[arg-type]
    with torch.no_grad():
        one, other = (_logits(model, row, learn) for row, learn in ((first, True), (second, False)))
    apart = (one - other).square().mean(dim=1).sqrt()
    if not bool(apart[:shared].max() > UNCHANGED * apart[shared:].max()):
        return False
    return _gradient_reaches(model, embeddings, first, shared)


def _rows(vocabulary: int, limit: int) -> tuple[list[int], list[int], int]:
    """Two rows that differ from some token on, and how many tokens they share."""
    length = min(LONGEST, limit or LONGEST)
    first, shared = [(3 + 7 * place) % vocabulary for place in range(length)], max(1, length // 4)
    return first, [*first[:shared], *((token + 5) % vocabulary for token in first[shared:])], shared


def _logits(model: PreTrainedModel, row: Sequence[int], learn: bool = False) -> torch.Tensor:
    """Of every token, in fp32; `learn`: with the loss, as training calls it."""
    ids = torch.tensor([row], device=model.device)
    found: torch.Tensor = model(input_ids=ids, **({"labels": ids} if learn else {})).logits[0]
    return found.float()


def _gradient_reaches(model: PreTrainedModel, embeddings: nn.Module, row: Sequence[int], shared: int) -> bool:
    """Whether earlier logits depend on later embeddings: by values alone, rounding could be taken for it in bf16."""
    kept: list[torch.Tensor] = []

    def cut(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[-1]

    hook = embeddings.register_forward_hook(cut)
    try:
        with torch.enable_grad():
            early = _logits(model, row)[:shared].square().sum()
            by_tokens = torch.autograd.grad(early, kept[0])[0].abs().flatten(end_dim=-2).amax(dim=1)
    finally:
        hook.remove()
    return bool(by_tokens[shared:].max() > REACHED * by_tokens.max())
