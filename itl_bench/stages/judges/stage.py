"""The stage that lets a judge score the answers of one model."""

from collections.abc import Mapping
from pathlib import Path

from itl_bench.data.rows import Prompt, Response, read_lines, write_table
from itl_bench.measures.judge import JudgedBy
from itl_bench.measures.pairing import in_order
from itl_bench.measures.rubric import load_rubric
from itl_bench.stages.judges.asking import request_for
from itl_bench.stages.judges.judging import judge_all
from itl_bench.stages.judges.ledger import Ledger
from itl_bench.stages.judges.scores import aspects_table
from itl_bench.store.artifact import PROMPTS, RESPONSES, TABLE, Artifact


def write_aspects(parents: Mapping[str, Artifact], folder: Path, by: JudgedBy) -> None:
    """Score every answer by aspect; what the ledger holds already costs nothing.

    Args:
        parents: The probe, and the responses to it.
        folder: Where the table goes.
        by: Who scores, and on whose account.

    Raises:
        JudgeError: The judge cannot be asked any further; what it has said is in the ledger.
    """
    prompts = read_lines(parents["probe"].folder / PROMPTS, Prompt)
    responses = in_order(prompts, read_lines(parents["responses"].folder / RESPONSES, Response))
    rubric = load_rubric(by.rubric)
    asked = {
        prompt.id: request_for(by.judge, rubric, prompt.instruction, prompt.context, response.text)
        for prompt, response in zip(prompts, responses, strict=True)
    }
    with Ledger(by.ledger) as ledger:
        found = judge_all(by.judge, [one.request for one in asked.values()], ledger, by.run, by.most)
    judgements = {prompt: found[one.request.key] for prompt, one in asked.items()}
    table = aspects_table(prompts, responses, judgements, rubric, [prompt for prompt, one in asked.items() if one.cut])
    write_table(folder / TABLE, table)
