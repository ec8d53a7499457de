"""Which prompts of a probe the tuning data hold already: the same text, or 13 words in a row of it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from itl_bench.data.plain_text import folded
from itl_bench.data.rows import Item, Prompt
from itl_bench.errors import UsageError

NGRAM = 13  # words, as in Brown et al. 2020 (2005.14165), appendix C
WORD = re.compile(r"\w+")
Ngram = tuple[str, ...]
EXACT, SHARE = "exact", "share"  # columns


@dataclass(frozen=True)
class Overlap:
    """What a dataset and a probe share, prompt by prompt.

    Attributes:
        prompts: Ids, in the order of the values below.
        exact: Items that ask the same, up to case, punctuation, white space and Unicode form.
        shares: Share of the prompt's n-grams that are in some item; None where it has fewer than n words.
        examples: Id of the first item that shares anything; empty where none does.
        n: Words of an n-gram.
    """

    prompts: tuple[str, ...]
    exact: tuple[int, ...]
    shares: tuple[float | None, ...]
    examples: tuple[str, ...]
    n: int = NGRAM

    @property
    def found(self) -> tuple[str, ...]:
        """Ids of the prompts that share an n-gram or the whole text with some item."""
        return tuple(prompt for prompt, example in zip(self.prompts, self.examples, strict=True) if example)

    @property
    def facts(self) -> dict[str, int]:
        """Counts of prompts: all, found exactly, found by an n-gram, found by either, too short for an n-gram."""
        return {
            "prompts": len(self.prompts),
            "exact": sum(count > 0 for count in self.exact),
            "ngram": sum(bool(share) for share in self.shares),
            "found": len(self.found),
            "too_short": sum(share is None for share in self.shares),
        }


def overlap(items: Iterable[Item], prompts: Sequence[Prompt], n: int = NGRAM) -> Overlap:
    """Look for prompts in the instructions (with their contexts, and those of earlier exchanges) of a dataset.

    Responses are not searched: a prompt is known in advance if it was asked. The index is of the prompts, so memory
    does not grow with the dataset, which is read once.

    Args:
        items: What is tuned on; may be a generator.
        prompts: What is asked.
        n: Words of an n-gram, at least 1.

    Raises:
        UsageError: n is less than 1.
    """
    if n < 1:
        raise UsageError(f"n-grams of {n} words: give 1 or more")
    index = _Index([words(f"{prompt.instruction}\n{prompt.context}") for prompt in prompts], n)
    exact = [0] * len(prompts)
    shared: list[set[Ngram]] = [set() for _ in prompts]
    examples = [""] * len(prompts)
    for item in items:
        same, grams = index.look_up(item)
        for position in same:
            exact[position] += 1
            examples[position] = examples[position] or item.id
        for gram in grams:
            for position in index.by_ngram[gram]:
                shared[position].add(gram)
                examples[position] = examples[position] or item.id
    shares = tuple(len(part) / count if count else None for part, count in zip(shared, index.sizes, strict=True))
    return Overlap(tuple(prompt.id for prompt in prompts), tuple(exact), shares, tuple(examples), n)


def in_words(probe: str, dataset: str, prompts: int, exact: int, shared: int, n: int = NGRAM) -> str:
    """For example "1 of 800 prompts of p is in d word for word, 3 more share 13 words in a row with it".

    Args:
        probe: Name.
        dataset: Name.
        prompts: How many the probe has.
        exact: Prompts that some item asks.
        shared: Further prompts that share an n-gram with some item.
        n: Words of an n-gram.
    """
    text = f"{exact:,} of {prompts:,} prompts of {probe} {'is' if exact == 1 else 'are'} in {dataset} word for word"
    more, share = "more " if exact else "", "shares" if shared == 1 else "share"
    return f"{text}, {shared:,} {more}{share} {n} words in a row with it" if shared else text


def question(line: Item | Prompt) -> tuple[str, ...]:
    """What an item or a prompt asks, earlier exchanges included.

    It is the same for all spellings of it (`folded`), and whether a context stands in the instruction or apart.
    """
    history = line.history if isinstance(line, Item) else ()
    earlier = [text for one in history for text in (one.instruction, one.response)]
    return tuple(map(folded, (*earlier, f"{line.instruction}\n{line.context}")))


def questions(item: Item) -> Iterator[tuple[str, ...]]:
    """What each response of an item answers, as `question`: all of them are trained on."""
    whole = question(item)
    return (whole[:end] for end in range(1, len(whole) + 1, 2))


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation, the same for all spellings of it (`folded`)."""
    return WORD.findall(folded(text))


def ngrams(text: Sequence[str], n: int) -> Iterator[Ngram]:
    """All n words in a row."""
    return zip(*(text[start:] for start in range(n)), strict=False)


class _Index:
    """Which prompts have which text and which n-grams."""

    def __init__(self, texts: list[list[str]], n: int) -> None:
        self.n = n
        self.by_text: dict[Ngram, list[int]] = defaultdict(list)
        self.by_ngram: dict[Ngram, list[int]] = defaultdict(list)
        self.sizes: list[int] = []  # distinct n-grams of each prompt
        for position, text in enumerate(texts):
            if text:
                self.by_text[tuple(text)].append(position)
            grams = set(ngrams(text, n))
            self.sizes.append(len(grams))
            for gram in grams:
                self.by_ngram[gram].append(position)

    def look_up(self, item: Item) -> tuple[set[int], set[Ngram]]:
        """Prompts that the item asks word by word, and the prompts' n-grams that it has."""
        same, grams = set[int](), set[Ngram]()
        asked = [*(one.instruction for one in item.history), f"{item.instruction}\n{item.context}"]
        for text in map(words, asked):
            same.update(self.by_text.get(tuple(text), ()))
            grams |= self.by_ngram.keys() & ngrams(text, self.n)
        return same, grams
