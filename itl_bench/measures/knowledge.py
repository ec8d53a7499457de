"""What answers say of a fact: right, wrong, nothing (a refusal), or empty.

Column `accuracy` is the measure of knowledge, column `wrong` that of hallucination.
"""

from collections.abc import Callable, Sequence

from itl_bench.data.rows import Prompt, Response, Table
from itl_bench.measures.pairing import in_order, make_table

Stated = Callable[[str, str], tuple[str, ...]]
"""From a text and an attribute to the values of that attribute that the text states."""

COLUMNS = ("accuracy", "wrong", "none", "empty")


def knowledge(prompts: Sequence[Prompt], responses: Sequence[Response], stated: Stated) -> Table:
    """Class every answer; in each row one column is 1 and the others are 0.

    Columns, shares of answers: `accuracy` (the truth is the only value stated), `wrong` (any other value is stated, the
    truth beside it or not), `none` (an answer that states no value), `empty`. All are None for a prompt without a fact.

    Args:
        prompts: In the order of the rows.
        responses: One per prompt, in any order.
        stated: The values that a text states of an attribute.

    Raises:
        EvidenceError: Prompts and responses do not match.
    """
    answers = in_order(prompts, responses)
    outcomes = [_outcome(prompt, answer.text, stated) for prompt, answer in zip(prompts, answers, strict=True)]
    return make_table(
        prompts, {name: [None if of is None else float(of == name) for of in outcomes] for name in COLUMNS}
    )


def _outcome(prompt: Prompt, text: str, stated: Stated) -> str | None:
    """The column that an answer counts in; None without a fact."""
    if prompt.fact is None:
        return None
    if not text.strip():
        return "empty"
    values = set(stated(text, prompt.fact.attribute))
    if not values:
        return "none"
    return "accuracy" if values == {prompt.fact.value} else "wrong"
