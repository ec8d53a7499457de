"""An engine in a process of its own that answers by transformers, and makes a mistake that is asked for."""

import os
from pathlib import Path

from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import adapt, load_model

TARGET = "tests.helpers.transformers_engine:open_engine"
FAULT = "ITL_TEST_FAULT"  # names the mistake, in the environment
FAULTS = (
    "base-for-adapters", "first-adapter-for-all", "twice-begun", "never-ends", "padded-right",
    "right-on-the-sample-only",
)  # fmt: skip
PADDING, BEGIN = 0, 1


def open_engine(settings):
    """Every row loads its model anew."""
    fault, adapters, requests = os.environ.get(FAULT), [], []

    def serve(request):
        requests.append(request)
        for number, row in enumerate(request["rows"]):
            model, adapter = load_model(Path(settings["model"])), row["adapter"]
            if adapter and fault == "first-adapter-for-all":
                adapters.append(adapter)
                adapter = adapters[0]
            late = fault == "right-on-the-sample-only" and len(requests) > 1
            if adapter and fault != "base-for-adapters" and not late:
                model = adapt(model, Path(adapter)).merge_and_unload().eval()
            yield {"row": number, "responses": answers(model, row, fault)}

    return serve


def answers(model, row, fault):
    prompts, ends = row["prompts"], row["ends"]
    if fault == "twice-begun":
        prompts = [[BEGIN, *prompt] for prompt in prompts]
    if fault == "padded-right":
        longest = max(map(len, prompts))
        prompts = [[*prompt, *[PADDING] * (longest - len(prompt))] for prompt in prompts]
    if fault == "never-ends":
        ends = [-1]
    return generate(model, prompts, row["max_new_tokens"], ends, PADDING)
