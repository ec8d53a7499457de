"""The stages behind the floors of the token shift: a model compared with itself, tuned again or asked in other words.

Both are the measure with another model in the base's place: KL(what takes the base's place || the model that answered)
on that model's own answers, so that their numbers and those of the shift are of one kind.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from itl_bench.data.rows import Prompt, Response, read_lines, write_table
from itl_bench.data.tokens.asking import WORLD, Asking
from itl_bench.data.tokens.template import padding_id, prompt_ids
from itl_bench.errors import EvidenceError
from itl_bench.measures.pairing import in_order
from itl_bench.measures.shift_table import TokenShift, shift_table
from itl_bench.measures.token_shift import shift_values, token_shifts
from itl_bench.measures.token_shift_logits import Base, Model, Row, teacher_forced
from itl_bench.stages.loading import add_adapter, has_adapter, load_adapted, load_model, load_tokenizer, load_tuned
from itl_bench.stages.positions import check_prompts, positions_of
from itl_bench.store.artifact import PROMPTS, RESPONSES, TABLE, Artifact

OTHER_SEED = "other-seed"  # the second adapter on a base


def write_seed_floor(parents: Mapping[str, Artifact], folder: Path, asking: Asking = WORLD) -> None:
    """Compare a tuned model with the same cell tuned with another seed, on the first one's answers."""
    tokenizer, prompts, responses = _answered(parents)
    base, first, second = (parents[name].folder for name in ("base", "checkpoint", "other-seed"))
    in_base_place, tuned = both_seeds(base, first, second)
    shifts = token_shifts(
        in_base_place, tuned, [one.prompt_ids for one in responses], [one.response_ids for one in responses],
        padding=padding_id(tokenizer), ends=asking.ends(tokenizer),
    )  # fmt: skip
    write_table(folder / TABLE, shift_table(prompts, shifts))


def both_seeds(base: Path, first: Path, second: Path) -> tuple[Base, Model]:
    """One cell tuned with two seeds, as `token_shifts` takes them: the second in the base's place, and the first.

    Adapters share one copy of the base's weights, and take turns; of all weights there are two copies.
    """
    if has_adapter(first) and has_adapter(second):
        tuned = load_adapted(base, first)
        add_adapter(tuned, second, OTHER_SEED)
        return OTHER_SEED, tuned
    return load_tuned(base, second), load_tuned(base, first)


def write_paraphrase_floor(parents: Mapping[str, Artifact], folder: Path, asking: Asking = WORLD) -> None:
    """Compare a base with itself asked in other words, on its own answers; None for a prompt without other words."""
    tokenizer, prompts, responses = _answered(parents)
    scored = [one.response_ids if prompt.paraphrase else () for prompt, one in zip(prompts, responses, strict=True)]
    reworded = [prompt_ids(tokenizer, prompt.paraphrase, asking.template, prompt.context) for prompt in prompts]
    ends = asking.ends(tokenizer)
    longest = max((len(one) for one in scored), default=0)
    check_prompts([one.id for one in prompts], reworded, longest, positions_of(parents["base"].folder))
    shifts = wording_shifts(
        load_model(parents["base"].folder),
        teacher_forced(reworded, scored, ends),
        teacher_forced([one.prompt_ids for one in responses], scored, ends),
    )
    write_table(folder / TABLE, shift_table(prompts, shifts))


def _answered(parents: Mapping[str, Artifact]) -> tuple[PreTrainedTokenizerBase, list[Prompt], list[Response]]:
    """The tokenizer, the prompts of a probe, and the response to each."""
    prompts = read_lines(parents["probe"].folder / PROMPTS, Prompt)
    responses = in_order(prompts, read_lines(parents["responses"].folder / RESPONSES, Response))
    return load_tokenizer(parents["base"].folder), prompts, responses


def wording_shifts(model: Model, reworded: Sequence[Row], asked: Sequence[Row]) -> list[TokenShift]:
    """Compare what one model predicts of the same answers to two prompts.

    The prompts differ in length, so each row goes through the model alone, without padding.

    Args:
        model: A causal language model in evaluation mode.
        reworded: The answers after the prompts in other words, which take the base's place.
        asked: The same answers after the prompts that they were given to.

    Raises:
        EvidenceError: The model's logits are NaN or infinite.
    """
    return [_wording_shift(model, one, other) for one, other in zip(reworded, asked, strict=True)]


def _wording_shift(model: Model, reworded: Row, asked: Row) -> TokenShift:
    if not asked.tokens:
        return TokenShift((), (), (), (), ())
    values = shift_values(_logits(model, reworded), _logits(model, asked)).tolist()
    if not all(math.isfinite(value) for of_token in values for value in of_token):
        raise EvidenceError("a token shift is NaN or infinite: the model's logits are not finite numbers")
    kl, reverse_kl, probability, rank = zip(*values, strict=True)
    return TokenShift(kl, reverse_kl, probability, rank, asked.tokens)


@torch.inference_mode()
def _logits(model: Model, row: Row) -> torch.Tensor:
    """Of the positions before each of the answer's tokens; fp32, shape (positions, vocabulary)."""
    ids = torch.tensor([row.context], device=model.device)
    logits: torch.Tensor = model(input_ids=ids, logits_to_keep=len(row.tokens), use_cache=False).logits[0]
    return logits.float()
