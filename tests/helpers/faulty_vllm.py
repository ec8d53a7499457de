"""vLLM with mistakes that it does not notice itself: only its answers tell."""

import os

from itl_bench.stages.generation.vllm_engine import _answered, open_engine

MIXED = "tests.helpers.faulty_vllm:open_mixed"
STALE = "tests.helpers.faulty_vllm:open_stale"
BASE = "ITL_TEST_BASE"  # in the environment: the weights that an engine has before others are loaded into it


def open_mixed(settings):
    """Base rows are answered in one batch with adapter rows."""
    engine, numbers = open_engine(settings).args
    return lambda request: _answered(engine, numbers, list(enumerate(request["rows"])))


def open_stale(settings):
    """Weights are loaded into an engine that had others; a head that is tied to the embeddings keeps the old ones."""
    serve = open_engine({**settings, "model": os.environ[BASE]})
    serve.args[0].collective_rpc("reload_weights", kwargs={"weights_path": settings["model"]})
    return serve
