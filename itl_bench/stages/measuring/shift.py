"""The stage that compares a tuned model with its base, token by token."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from itl_bench.data.rows import AnswerTokens, Prompt, Response, Table, read_lines, write_lines, write_table
from itl_bench.data.tokens.asking import WORLD, Asking
from itl_bench.data.tokens.template import padding_id
from itl_bench.measures.pairing import in_order
from itl_bench.measures.sentence_start import sentence_start_table
from itl_bench.measures.shift_table import TokenShift, shift_table
from itl_bench.measures.token_shift import token_shifts
from itl_bench.measures.token_shift_logits import Model
from itl_bench.stages.loading import has_adapter, load_adapted, load_model, load_tokenizer
from itl_bench.store.artifact import PROMPTS, RESPONSES, TABLE, TOKENS, Artifact

SHOWN = 24  # answers whose tokens are kept one by one, for the report
SENTENCE_ENDS = (".", "!", "?")


def write_shift(parents: Mapping[str, Artifact], folder: Path, asking: Asking = WORLD) -> None:
    """Compare the models on the tuned model's own answers and, as control, on the base's.

    Columns of the second comparison begin with `reference_`: there every tuned model of a base is compared on the same
    tokens.
    """
    folders = {name: parent.folder for name, parent in parents.items()}
    tokenizer = load_tokenizer(folders["base"])
    base, tuned = _both(folders["base"], folders["checkpoint"])
    prompts = read_lines(folders["probe"] / PROMPTS, Prompt)
    tables = {}
    for name, answered in (("", "responses"), ("reference_", "base-responses")):
        responses = in_order(prompts, read_lines(folders[answered] / RESPONSES, Response))
        shifts = token_shifts(
            base, tuned, [one.prompt_ids for one in responses], [one.response_ids for one in responses],
            padding=padding_id(tokenizer), ends=asking.ends(tokenizer),
        )  # fmt: skip
        tables[name] = _columns(prompts, shifts, tokenizer)
        if not name:
            write_lines(folder / TOKENS, _shown(prompts[:SHOWN], shifts, tokenizer))
    columns = {f"{name}{column}": values for name, table in tables.items() for column, values in table.items()}
    table = Table(prompts=tuple(one.id for one in prompts), units=tuple(one.unit for one in prompts), columns=columns)
    write_table(folder / TABLE, table)


def _both(base: Path, checkpoint: Path) -> "tuple[Model | None, Model]":
    """Base and tuned model; under an adapter they share weights, and the base is what it is with the adapter off."""
    if has_adapter(checkpoint):
        return None, load_adapted(base, checkpoint)
    return load_model(base), load_model(checkpoint)


def _columns(
    prompts: Sequence[Prompt], shifts: Sequence[TokenShift], tokenizer: PreTrainedTokenizerBase
) -> dict[str, tuple[float | None, ...]]:
    ends = {index for mark, index in tokenizer.get_vocab().items() if mark in SENTENCE_ENDS}
    starts = sentence_start_table(prompts, shifts, ends.__contains__)
    return shift_table(prompts, shifts).columns | starts.columns


def _shown(
    prompts: Sequence[Prompt], shifts: Sequence[TokenShift], tokenizer: PreTrainedTokenizerBase
) -> list[AnswerTokens]:
    return [
        AnswerTokens(
            prompt=prompt.id, tokens=tuple(tokenizer.convert_ids_to_tokens(list(shift.tokens))),
            ranks=tuple(int(rank) for rank in shift.base_rank),
        )
        for prompt, shift in zip(prompts, shifts[: len(prompts)], strict=True)
    ]  # fmt: skip
