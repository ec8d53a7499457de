"""What a judge is told: a versioned text with its scale, and the answer between marks that it cannot forge."""

import hashlib
import re
from functools import cache
from pathlib import Path

import yaml

from itl_bench.errors import UsageError, unknown
from itl_bench.specs import Identifier, Spec, Text

ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")
PLACES = ("mark", "instruction", "context", "answer")

_FOLDER = Path(__file__).parent / "rubrics"
_PLACE = re.compile(rf"\{{({'|'.join(PLACES)})\}}")


class Rubric(Spec):
    """A rubric.

    Attributes:
        id: Name of its file, with the version at its end, for example "aspects-1".
        columns: What is scored, in order.
        lowest: The lowest score.
        highest: The highest one.
        text: With the places {mark}, {instruction}, {context} and {answer}.
        hash: SHA-256 of its whole file: another word is another rubric.
    """

    id: Identifier
    columns: tuple[Identifier, ...]
    lowest: int = 1
    highest: int = 5
    text: Text
    hash: Text

    def filled(self, mark: str, instruction: str, context: str, answer: str) -> str:
        """The text that a judge gets; what looks like a place in the filled-in texts stays as it is.

        Args:
            mark: Of the lines around the texts; none of the texts may contain it.
            instruction: What was asked.
            context: What the instruction is about, empty where there is none.
            answer: To be judged.
        """
        texts = {"mark": mark, "instruction": instruction, "context": context, "answer": answer}
        return _PLACE.sub(lambda place: texts[place.group(1)], self.text)


def rubrics() -> tuple[str, ...]:
    """The ids of all rubrics."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.md")))


@cache  # a plan asks for it once for every table of scores
def load_rubric(id: str) -> Rubric:
    """Read a rubric of the package.

    Raises:
        UsageError: There is no such rubric.
    """
    if id not in rubrics():
        raise UsageError(unknown("rubric", id, rubrics()))
    whole = (_FOLDER / f"{id}.md").read_text(encoding="utf-8")
    _, front, text = whole.split("---\n", 2)
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return Rubric.model_validate({**yaml.safe_load(front), "text": text.strip(), "hash": digest})
