"""What a run decides once of how its cases are answered: by transformers, or by vLLM where that is here."""

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.catalog.serving import Backend, Serving
from itl_bench.machine.vllm import batch_invariant, check_installed, installed, is_worthwhile


def decided(asked: Backend | None, profile: ProfileSpec | None, catalog: Catalog, for_gpu: bool = False) -> Serving:
    """What a run decides.

    Args:
        asked: By the run itself, before what recipes and profiles say; None where it asks for nothing.
        profile: Of the run; None for the default one.
        catalog: With its recipes.
        for_gpu: Whether to decide as on a machine with vLLM and a GPU of the newest kind, for a plan.

    Raises:
        UsageError: vLLM is asked for, and is not installed.
    """
    if for_gpu:
        return Serving(asked=asked, auto="vllm", batch_invariant=True)
    declared = {profile and profile.backend, *(one.backend for one in catalog.recipes.values())}
    wanted = {asked} if asked else declared
    if "vllm" in wanted:
        check_installed()
    if not installed():
        return Serving(asked=asked)
    return Serving(asked=asked, auto="vllm" if is_worthwhile() else "hf", batch_invariant=batch_invariant())


def asks_for_auto(serving: Serving, profile: ProfileSpec | None, catalog: Catalog) -> bool:
    """Whether it depends on the machine what answers."""
    if serving.asked:
        return serving.asked == "auto"
    return "auto" in {profile and profile.backend, *(one.backend for one in catalog.recipes.values())}
