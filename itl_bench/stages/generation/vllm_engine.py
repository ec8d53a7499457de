"""vLLM in a process of its own: the only module that loads it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from itl_bench.data.weights.folder import CONFIG, read_object
from itl_bench.errors import UnservedError
from itl_bench.stages.generation.child import Message, Serve

BESIDE = 8  # adapters that answer at the same time, at most
OF_GPU = 0.85  # share of its memory: other processes of the run keep some hundreds of MB there


def open_engine(settings: Message) -> Serve:
    """Load the weights; settings are those of `itl_bench.stages.generation.vllm_settings`.

    Raises:
        UnservedError: vLLM has no implementation of this architecture.
    """
    from vllm import LLM, ModelRegistry

    config: Mapping[str, Any] = read_object(Path(settings["model"]) / CONFIG)
    if not set(config.get("architectures") or ()) & set(ModelRegistry.get_supported_archs()):
        raise UnservedError(f"vLLM does not serve models of the kind {config.get('model_type')}")
    adapters: dict[str, Any] = {}
    if settings["adapters"]:
        adapters = {
            "enable_lora": True, "max_lora_rank": settings["rank"], "max_loras": min(BESIDE, settings["adapters"]),
            "max_cpu_loras": max(BESIDE, settings["adapters"]), "lora_target_modules": settings["targets"] or None,
        }  # fmt: skip
    engine = LLM(
        model=settings["model"], dtype=settings["dtype"], max_model_len=settings["length"], skip_tokenizer_init=True,
        tensor_parallel_size=settings["gpus"], trust_remote_code=False, load_format="safetensors", seed=0,
        generation_config="vllm", disable_log_stats=True, gpu_memory_utilization=OF_GPU, **adapters,
    )  # fmt: skip
    return partial(_serve, engine.llm_engine, {})


def _serve(engine: Any, numbers: dict[str, int], request: Message) -> Iterator[Message]:  # noqa: ANN401
    """Rows with adapters first, then those of the model itself: mixed in one batch, answers come out wrong on a CPU."""
    rows = list(enumerate(request["rows"]))
    for some in ([row for row in rows if row[1]["adapter"]], [row for row in rows if not row[1]["adapter"]]):
        yield from _answered(engine, numbers, some)


def _answered(engine: Any, numbers: dict[str, int], rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Message]:  # noqa: ANN401
    from vllm import SamplingParams
    from vllm.inputs import TokensPrompt
    from vllm.lora.request import LoRARequest

    left: dict[int, int] = {}
    responses: dict[int, list[list[int]]] = {}
    for place, row in rows:
        left[place], responses[place] = len(row["prompts"]), [[] for _ in row["prompts"]]
        path = row["adapter"]
        # An adapter has one number for as long as the engine lives: a number used again would serve the one before.
        adapter = LoRARequest(path, numbers.setdefault(path, len(numbers) + 1), path) if path else None
        sampling = SamplingParams(
            temperature=0.0, max_tokens=row["max_new_tokens"], stop_token_ids=row["ends"], ignore_eos=True,
            detokenize=False,
        )  # fmt: skip
        for number, prompt in enumerate(row["prompts"]):
            ids = TokensPrompt(prompt_token_ids=prompt)
            engine.add_request(f"{place} {number}", ids, sampling, lora_request=adapter)
    while engine.has_unfinished_requests():
        for output in engine.step():
            if output.finished:
                place, number = map(int, output.request_id.split())
                responses[place][number] = list(output.outputs[0].token_ids)
                left[place] -= 1
                if not left[place]:
                    yield {"row": place, "responses": responses[place]}
