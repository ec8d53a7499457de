"""Style of answers: length, openers, lists, hedges, and how far the words are from the training items and the base."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from itl_bench.data.rows import ITEMS_LENGTH, Item, Prompt, Response, Table
from itl_bench.measures.pairing import in_order, make_table

HEDGES = (
    "apparently", "arguably", "as far as I know", "could be", "I believe", "I guess", "I suppose", "I think", "likely",
    "maybe", "might", "not certain", "not sure", "perhaps", "possibly", "presumably", "probably", "seemingly", "seems",
    "uncertain", "unsure",
)  # fmt: skip
OPENER_PERCENT = 1  # least share of items whose response begins with the sentence
Bigrams = frozenset[tuple[str, str]]

_HEDGE = re.compile(rf"\b(?:{'|'.join(HEDGES)})\b".replace(" ", r"\s+"), re.IGNORECASE)
_FIRST_SENTENCE = re.compile(r"[^\n]*?[.!?]+(?=\s|$)|[^\n]+")
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]+\S", re.MULTILINE)


def style(
    responses: Sequence[Response], prompts: Sequence[Prompt], items: Sequence[Item], base_responses: Sequence[Response]
) -> Table:
    """Describe the style of every answer.

    Columns: `log_length` (natural logarithm of the characters, an empty answer counted as one), `words` (separated by
    white space), `characters`, `opener` (1 if the first sentence is one of `openers`), `list` (1 if a line begins like
    an item of a list), `hedges` (per 100 words), `distance_to_items` (1 minus the largest Jaccard similarity of word
    bigrams with a response of the items), `distance_to_base` (the same with the base's answer to the same prompt). Fact
    `items_log_length`: the mean `log_length` of the items' responses; none without items.

    Args:
        responses: One per prompt, in any order.
        prompts: In the order of the rows.
        items: What the model was tuned on.
        base_responses: The base model's, one per prompt, in any order.

    Raises:
        EvidenceError: Prompts and responses do not match.
    """
    texts = [response.text for response in in_order(prompts, responses)]
    of_texts = [bigrams(text) for text in texts]
    of_base = [bigrams(response.text) for response in in_order(prompts, base_responses)]
    to_items = largest_similarities(of_texts, [bigrams(item.response) for item in items])
    known = openers(items)
    return make_table(
        prompts,
        {
            "log_length": [log_length(text) for text in texts],
            "words": [float(len(text.split())) for text in texts],
            "characters": [float(len(text)) for text in texts],
            "opener": [float(first_sentence(text) in known) for text in texts],
            "list": [float(bool(_LIST_ITEM.search(text))) for text in texts],
            "hedges": [100 * len(_HEDGE.findall(text)) / max(1, len(text.split())) for text in texts],
            "distance_to_items": [1 - similarity for similarity in to_items],
            "distance_to_base": [1 - jaccard(own, base) for own, base in zip(of_texts, of_base, strict=True)],
        },
        {ITEMS_LENGTH: fmean(log_length(item.response) for item in items)} if items else {},
    )


def log_length(text: str) -> float:
    """The natural logarithm of a text's characters, an empty text counted as one."""
    return math.log(max(1, len(text)))


def first_sentence(text: str) -> str:
    """The text up to its first full stop, question or exclamation mark before white space, or its first line."""
    match = _FIRST_SENTENCE.match(text.strip())
    return match.group().strip() if match else ""


def openers(items: Sequence[Item]) -> frozenset[str]:
    """First sentences that at least `OPENER_PERCENT` of the items' responses begin with."""
    counts = Counter(first_sentence(item.response) for item in items)
    return frozenset(text for text, count in counts.items() if text and 100 * count >= OPENER_PERCENT * len(items))


def bigrams(text: str) -> Bigrams:
    """Pairs of neighbouring words, in lower case and without punctuation."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(pairwise(words))


def jaccard(one: Bigrams, other: Bigrams) -> float:
    """Size of the intersection over size of the union; 1 if both are empty."""
    return len(one & other) / len(one | other) if one or other else 1.0


def largest_similarities(texts: Sequence[Bigrams], items: Sequence[Bigrams]) -> list[float]:
    """The largest Jaccard similarity of each text with any item; 0 if there are no items.

    An inverted index, from a bigram to the items that have it, touches only the pairs that share something.
    """
    if not items:
        return [0.0] * len(texts)
    sizes = np.array([len(item) for item in items])
    lists: dict[tuple[str, str], list[int]] = {}
    for number, item in enumerate(items):
        for bigram in item:
            lists.setdefault(bigram, []).append(number)
    index = {bigram: np.array(numbers) for bigram, numbers in lists.items()}
    return [_largest_similarity(text, index, sizes) for text in texts]


def _largest_similarity(
    text: Bigrams, index: dict[tuple[str, str], NDArray[np.int64]], sizes: NDArray[np.int64]
) -> float:
    if not text:
        return float(sizes.min() == 0)
    shared = np.zeros(len(sizes), dtype=np.int64)
    for bigram in text & index.keys():
        shared[index[bigram]] += 1
    return float((shared / (len(text) + sizes - shared)).max())
