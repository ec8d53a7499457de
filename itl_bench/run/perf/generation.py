"""Speed of answers: one engine for many adapters against an engine for each, and against transformers; in one run."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from itl_bench.data.weights.folder import CONFIG, read_object
from itl_bench.machine.vllm import check_installed
from itl_bench.stages.generation.child import Child, Message, Serve, child, members
from itl_bench.stages.generation.engine import Asked

TRANSFORMERS = "itl_bench.run.perf.generation:open_transformers"
RANK, SPREAD, SEED = 8, 0.05, 1
SHORTEST, LONGEST = 8, 24  # tokens of a prompt
KIB = 1024


class Way(NamedTuple):
    """One way of answering all prompts of all adapters, end to end.

    Attributes:
        name: In words.
        starts: Of processes.
        loading: Seconds until they could answer, together.
        answering: Seconds that they answered, together.
        tokens: Of all answers.
        peak_memory: Bytes, most of any of the processes with those that it started.
        identical: Share of answers that are those of transformers.
    """

    name: str
    starts: int
    loading: float
    answering: float
    tokens: int
    peak_memory: int
    identical: float

    @property
    def seconds(self) -> float:
        """From the start of the first process to the last answer."""
        return self.loading + self.answering


Answers = dict[str | None, list[list[int]]]


def compare_generation(base: Path, adapters: int, prompts: int, tokens: int) -> list[Way]:
    """Let random adapters of a base answer random prompts.

    Args:
        base: Folder of weights.
        adapters: How many.
        prompts: For each.
        tokens: Of every answer.

    Returns:
        One engine for all adapters, an engine for each, transformers with each adapter merged in its turn.

    Raises:
        UsageError: vLLM is not installed.
        ItlError: An engine broke down.
    """
    check_installed()
    with TemporaryDirectory() as folder:
        asked = random_work(base, Path(folder), adapters, prompts, tokens)
        expected, by_transformers = _timed("transformers", TRANSFORMERS, base, [asked], {})
        _, each = _timed("an engine for each adapter", "", base, [[one] for one in asked], expected)
        _, together = _timed("one engine", "", base, [asked], expected)
    return [together, each, by_transformers]


def random_work(base: Path, folder: Path, adapters: int, prompts: int, tokens: int) -> list[Asked]:
    """Adapters of a base with random weights, and random prompts for each.

    Args:
        base: Folder of weights.
        folder: Where the adapters are written.
        adapters: How many.
        prompts: For each.
        tokens: Of every answer; nothing ends one before.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    from itl_bench.stages.loading import load_model

    config: Mapping[str, Any] = read_object(base / CONFIG)
    words, draw, asked = int(config["vocab_size"]), random.Random(SEED), list[Asked]()
    for number in range(adapters):
        torch.manual_seed(number)
        model = get_peft_model(load_model(base), LoraConfig(r=RANK, target_modules="all-linear", task_type="CAUSAL_LM"))
        with torch.no_grad():
            for weight in (one for one in model.parameters() if one.requires_grad):
                weight.add_(SPREAD * torch.randn_like(weight))
        model.save_pretrained(str(folder / str(number)))
        rows = [[draw.randrange(words) for _ in range(draw.randint(SHORTEST, LONGEST))] for _ in range(prompts)]
        asked.append(Asked(folder / str(number), rows, tokens, (), 0))
    return asked


def _timed(
    name: str, target: str, base: Path, parts: Sequence[Sequence[Asked]], expected: Answers
) -> tuple[Answers, Way]:
    """Each part has a process of its own; what they answer, and what it took."""
    from itl_bench.stages.generation.vllm_settings import TARGET, How, engine_settings, environment, row_of

    answers: Answers = {}
    loading = answering = 0.0
    memory = 0
    for part in parts:
        settings, rows = engine_settings(base, part, How()), [row_of(one) for one in part]
        with ExitStack() as stack:
            started = time.perf_counter()
            engine = stack.enter_context(child(target or TARGET, settings, environment(settings, How(), ())))
            loaded = time.perf_counter()
            for reply in engine.ask({"rows": rows}):
                answers[str(rows[reply["row"]]["adapter"])] = reply["responses"]
            loading, answering = loading + loaded - started, answering + time.perf_counter() - loaded
            memory = max(memory, _peak_memory(engine))
    tokens = sum(len(one) for of_adapter in answers.values() for one in of_adapter)
    pairs = [pair for key in expected for pair in zip(answers[key], expected[key], strict=True)]
    same = sum(one == other for one, other in pairs) / len(pairs) if pairs else 1.0
    return answers, Way(name, len(parts), loading, answering, tokens, memory, same)


def _peak_memory(engine: Child) -> int:
    """Of all its processes together, in bytes."""
    found = 0
    for process in members(engine.session):
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                found += int(line.split()[1]) * KIB
    return found


def open_transformers(settings: Message) -> Serve:
    """In a process of its own: transformers as the suite uses it, one model in memory at a time."""
    from itl_bench.stages.generation.hugging_face import hugging_face

    def serve(request: Message) -> Iterator[Message]:
        asked = [
            Asked(Path(row["adapter"]), row["prompts"], row["max_new_tokens"], row["ends"], 0)
            for row in request["rows"]
        ]
        for one in hugging_face(Path(settings["model"]), asked):
            yield {"row": one.place, "responses": one.responses()}

    return serve
