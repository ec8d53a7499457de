"""The stage that lets a model answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from itl_bench.data.rows import Prompt, Response, read_lines, write_lines
from itl_bench.data.tokens.asking import Asking
from itl_bench.data.tokens.template import padding_id, prompt_ids, response_text
from itl_bench.errors import UnfitRowError, UsageError
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import load_model, load_tokenizer, load_tuned
from itl_bench.stages.positions import check_prompts, positions_of
from itl_bench.store.artifact import PROMPTS, RESPONSES, Artifact
from itl_bench.store.keys import Task


def build_responses(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """Let a model answer every prompt of a probe."""
    spec: Mapping[str, Any] = task.spec
    base, tuned = parents["base"].folder, parents.get("checkpoint")
    tokenizer = load_tokenizer(base)
    prompts = read_lines(parents["probe"].folder / PROMPTS, Prompt)
    asking = Asking.of(spec)
    asked = _asked(tokenizer, prompts, asking)
    check_prompts([prompt.id for prompt in prompts], asked, int(spec["max_new_tokens"]), positions_of(base))
    model = load_tuned(base, tuned.folder) if tuned else load_model(base)
    ends = sorted(asking.ends(tokenizer))
    answers = generate(model, asked, int(spec["max_new_tokens"]), ends, padding_id(tokenizer))
    write_lines(
        folder / RESPONSES,
        [
            Response(
                prompt=prompt.id, prompt_ids=ids, response_ids=tuple(answer),
                text=response_text(tokenizer, answer, asking.template),
            )
            for prompt, ids, answer in zip(prompts, asked, answers, strict=True)
        ],
    )  # fmt: skip


def check_asked(task: Task, base: Path, probe: Path) -> None:
    """Refuse a probe whose prompts a base cannot take, before anything is trained to answer them.

    Args:
        task: Of responses.
        base: Folder of the base.
        probe: Folder of the probe.

    Raises:
        ItlError: Names the first prompt that cannot be asked, and why.
    """
    prompts, spec = read_lines(probe / PROMPTS, Prompt), task.spec
    asked = _asked(load_tokenizer(base), prompts, Asking.of(spec))
    check_prompts([prompt.id for prompt in prompts], asked, int(str(spec["max_new_tokens"])), positions_of(base))


def _asked(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], asking: Asking) -> list[tuple[int, ...]]:
    """Token ids of every prompt."""
    asked = []
    for prompt in prompts:
        try:
            asked.append(prompt_ids(tokenizer, prompt.instruction, asking.template, prompt.context))
        except UnfitRowError as error:
            raise UsageError(f"prompt {prompt.id!r} cannot be asked: {error}") from error
    return asked
