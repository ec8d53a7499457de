"""What answers say of a fact: right, wrong, nothing (a refusal), or empty; and how many true values they state in all.

Column `accuracy` is the measure of knowledge, column `wrong` that of hallucination; value precision is the mean of
`true_values` over that of `values`.
"""

from collections.abc import Callable, Sequence

from itl_bench.data.rows import Prompt, Response, Table
from itl_bench.measures.pairing import in_order, make_table

Stated = Callable[[str, str], tuple[str, ...]]
"""From a text and an attribute to the values of that attribute that the text states."""

OUTCOMES = ("accuracy", "wrong", "none", "empty")
COUNTS = ("values", "true_values")


def knowledge(prompts: Sequence[Prompt], responses: Sequence[Response], stated: Stated) -> Table:
    """Class every answer, and count the values that it states.

    Columns, shares of answers, one of them 1 and the others 0: `accuracy` (the truth is the only value stated), `wrong`
    (any other value is stated, the truth beside it or not), `none` (an answer that states no value), `empty`. All are
    None for a prompt without a fact. Only the asked attribute counts.

    Columns, numbers of values: `values` (stated, of any attribute that `truths` has, each value once), `true_values`
    (those that are true of the one asked about). Both are 0 for a refusal, and None for a prompt without `truths`.

    Args:
        prompts: In the order of the rows.
        responses: One per prompt, in any order.
        stated: The values that a text states of an attribute.

    Raises:
        EvidenceError: Prompts and responses do not match.
    """
    answers = in_order(prompts, responses)
    outcomes = [_outcome(prompt, answer.text, stated) for prompt, answer in zip(prompts, answers, strict=True)]
    counts = [_counts(prompt, answer.text, stated) for prompt, answer in zip(prompts, answers, strict=True)]
    columns = {name: [None if of is None else float(of == name) for of in outcomes] for name in OUTCOMES}
    return make_table(prompts, columns | {name: [one[index] for one in counts] for index, name in enumerate(COUNTS)})


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


def _counts(prompt: Prompt, text: str, stated: Stated) -> tuple[float | None, float | None]:
    """How many values the answer states, and how many of them are true; None where nothing is known."""
    if not prompt.truths:
        return None, None
    values = {(name, value) for name in prompt.truths for value in stated(text, name)}
    return float(len(values)), float(len(values & set(prompt.truths.items())))


def stated_in(world: str) -> Stated:
    """The matcher of a world: from a text and an attribute to the values of that attribute that the text states."""
    if world == "atlas":
        from itl_bench.data.atlas.answers import stated as of_atlas

        return of_atlas
    from itl_bench.data.bios.answers import stated as of_bios

    return of_bios
