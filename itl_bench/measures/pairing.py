"""Responses in the order of prompts, and tables whose rows are prompts."""

from collections.abc import Mapping, Sequence

from itl_bench.data.rows import Prompt, Response, Table
from itl_bench.errors import EvidenceError


def in_order(prompts: Sequence[Prompt], responses: Sequence[Response]) -> list[Response]:
    """The response of each prompt.

    Raises:
        EvidenceError: A prompt has no response, or more than one; or a response answers no prompt.
    """
    by_prompt = {response.prompt: response for response in responses}
    names = [prompt.id for prompt in prompts]
    if len(set(names)) < len(names) or len(by_prompt) < len(responses):
        raise EvidenceError("a prompt occurs twice, or is answered twice: nobody can say which answer counts")
    odd = sorted(set(names) ^ set(by_prompt))
    if odd:
        raise EvidenceError(f"{len(odd)} prompts and responses have no counterpart, for example {odd[0]!r}")
    return [by_prompt[name] for name in names]


def make_table(
    prompts: Sequence[Prompt], columns: Mapping[str, Sequence[float | None]], facts: Mapping[str, float] | None = None
) -> Table:
    """A table of one row per prompt.

    Args:
        prompts: In the order of the rows.
        columns: Column -> one value per prompt.
        facts: Numbers about the whole table.

    Raises:
        EvidenceError: A column has more or fewer values than there are prompts.
    """
    for name, values in columns.items():
        if len(values) != len(prompts):
            raise EvidenceError(f"column {name!r} has {len(values)} values for {len(prompts)} prompts")
    return Table(
        prompts=tuple(prompt.id for prompt in prompts),
        units=tuple(prompt.unit for prompt in prompts),
        columns={name: tuple(values) for name, values in columns.items()},
        facts=dict(facts or {}),
    )
