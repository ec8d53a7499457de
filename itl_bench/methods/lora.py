"""LoRA fine-tuning (the paper's LFT): Hu et al. 2021, arXiv 2106.09685."""

from inspect import getsource

from torch import nn
from transformers.pytorch_utils import Conv1D

from itl_bench.errors import UsageError
from itl_bench.methods.method import Method
from itl_bench.methods.parameters import LoraParameters

READ_PAST = ("out_proj", "conv1d")  # of a state-space mixer: a kernel may take their weights without calling them
MIXER = ("A_log", *READ_PAST)


class Lora(Method):
    """Tune low-rank additions to the linear layers; the model's own weights stay."""

    Parameters = LoraParameters

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Add adapters of `rank` and `alpha` where `targets` says.

        Of a state-space model "all-linear" leaves out what its kernels read past an adapter.

        Raises:
            UsageError: peft has no adapter for what the targets name, or a kernel would read past it.
        """
        from peft import LoraConfig, get_peft_model

        rank, alpha, targets, dropout = (self.parameters[name] for name in ("rank", "alpha", "targets", "dropout"))
        past = read_past(model)
        config = LoraConfig(
            r=rank, lora_alpha=alpha, lora_dropout=dropout, task_type="CAUSAL_LM",  # type: ignore[arg-type]
            target_modules=targets if isinstance(targets, str) else list(targets),  # type: ignore[arg-type]
            exclude_modules=past if past and targets == "all-linear" else None,
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),  # GPT-2's, stored transposed
        )  # fmt: skip
        try:
            adapted = get_peft_model(model, config)
        except ValueError as error:
            raise UsageError(f"no adapter can go to the targets {targets!r}: {' '.join(str(error).split())}") from error
        if dead := sorted(set(adapted.targeted_module_names) & set(past)):
            raise UsageError(
                f"no adapter can go to {dead[0]} ({len(dead)} such in all): the model's kernels take its weight "
                "without the adapter; leave it out of the targets"
            )
        return adapted


def read_past(model: nn.Module) -> list[str]:
    """The names of the modules that the kernels of state-space mixers read past an adapter: it would do nothing.

    The mixers are known by what they are made of; that one hands the plain weight to a kernel stands in its code only.
    """
    return [
        f"{place}.{part}"
        for place, module in model.named_modules()
        if all(hasattr(module, name) for name in MIXER) and _hands_over(type(module))
        for part in READ_PAST
    ]


def _hands_over(kind: type[nn.Module]) -> bool:
    return "self.out_proj.weight" in getsource(kind)
