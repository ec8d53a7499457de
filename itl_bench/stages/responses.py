"""The stage that lets a model answer."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PreTrainedTokenizerBase

from itl_bench.data.rows import Prompt, Response, read_lines, write_lines
from itl_bench.data.tokens.asking import Asking
from itl_bench.data.tokens.template import PromptTemplate, padding_id, prompt_ids, response_text
from itl_bench.errors import UnfitRowError, UsageError
from itl_bench.machine.devices import on_own_gpu
from itl_bench.machine.vllm import Served, check_installed
from itl_bench.stages.generation.engine import Answered, Asked, Engine
from itl_bench.stages.generation.hugging_face import hugging_face
from itl_bench.stages.generation.vllm import vllm
from itl_bench.stages.generation.vllm_settings import How
from itl_bench.stages.loading import load_tokenizer
from itl_bench.stages.positions import check_prompts, positions_of
from itl_bench.store.artifact import PROMPTS, RESPONSES, Artifact
from itl_bench.store.executor import Made
from itl_bench.store.keys import Task


class _Prompts(NamedTuple):
    """What a model is asked, as prompts and as an engine takes them."""

    prompts: Sequence[Prompt]
    asked: Asked
    template: PromptTemplate


def build_responses(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """Let a model answer every prompt of a probe."""
    for made in build_together([(task, parents)]):
        made.write(folder)


def build_together(group: Sequence[tuple[Task, Mapping[str, Artifact]]]) -> Generator[Made]:
    """Let models of one base answer, each the prompts of its probe.

    Args:
        group: Tasks of responses, each with what it is made from by name; the base is the same.

    Raises:
        ItlError: A prompt cannot be asked; by the `write` of its task, the others are answered.
    """
    tokenizer = load_tokenizer(base := group[0][1]["base"].folder)
    taken: list[tuple[Task, _Prompts]] = []
    for task, parents in group:
        try:
            taken.append((task, _prompts_of(task, parents, tokenizer)))
        except Exception as error:  # of whatever kind: the others are answered all the same
            yield Made(task, partial(_refuse, error))
    with closing(_engine(group[0][0])(base, [prompts.asked for _, prompts in taken])) as answers:
        for answered in answers:
            task, prompts = taken[answered.place]
            yield Made(task, partial(_write, prompts, answered, tokenizer), answered.seconds)


def _engine(task: Task) -> Engine:
    """That the key of the answers names.

    Raises:
        UsageError: It is vLLM, and that is not installed, or the model is larger than all GPUs.
    """
    if task.spec["engine"] == "hf":
        return _on_own_gpu
    check_installed()
    assert isinstance(task.place, Served)
    return partial(vllm, how=How.of(task.spec, task.place))


def _on_own_gpu(base: Path, asked: Sequence[Asked]) -> Generator[Answered]:
    with on_own_gpu():
        yield from hugging_face(base, asked)


def _prompts_of(task: Task, parents: Mapping[str, Artifact], tokenizer: PreTrainedTokenizerBase) -> _Prompts:
    spec: Mapping[str, Any] = task.spec
    prompts, limit, asking = (
        read_lines(parents["probe"].folder / PROMPTS, Prompt),
        int(spec["max_new_tokens"]),
        Asking.of(spec),
    )
    ids = _asked(tokenizer, prompts, asking)
    check_prompts([prompt.id for prompt in prompts], ids, limit, positions_of(parents["base"].folder))
    tuned, ends = parents.get("checkpoint"), sorted(asking.ends(tokenizer))
    folder, name = (tuned.folder, _name(tuned)) if tuned else (None, "the base")
    asked = Asked(folder, ids, limit, ends, padding_id(tokenizer), name)
    return _Prompts(prompts, asked, asking.template)


def _name(tuned: Artifact) -> str:
    """For example "lora on bios-new30-short at learning rate 0.003, seed 1011"."""
    spec: Mapping[str, Any] = tuned.manifest.spec
    return f"{spec['method']['id']} on {spec['dataset']} at learning rate {spec['rate']:g}, seed {spec['seed']}"


def _refuse(error: Exception, folder: Path) -> None:
    raise error


def _write(prompts: _Prompts, answered: Answered, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    write_lines(
        folder / RESPONSES,
        [
            Response(
                prompt=prompt.id, prompt_ids=tuple(ids), response_ids=tuple(answer),
                text=response_text(tokenizer, answer, prompts.template),
            )
            for prompt, ids, answer in zip(prompts.prompts, prompts.asked.prompts, answered.responses(), strict=True)
        ],
    )  # fmt: skip
    if answered.parity:
        answered.parity.write(folder)


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
