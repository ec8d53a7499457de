"""LoRA fine-tuning (the paper's LFT): Hu et al. 2021, arXiv 2106.09685."""

from torch import nn
from transformers.pytorch_utils import Conv1D

from itl_bench.errors import UsageError
from itl_bench.methods.method import Method
from itl_bench.methods.parameters import LoraParameters

STATE_SPACE = ("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h")
PAST = ["out_proj", "conv1d"]  # peft refuses adapters there


class Lora(Method):
    """Tune low-rank additions to the linear layers; the model's own weights stay."""

    Parameters = LoraParameters

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Add adapters of `rank` and `alpha` where `targets` says.

        Of a state-space model "all-linear" leaves out what its kernels read past an adapter.

        Raises:
            UsageError: peft has no adapter for what the targets name.
        """
        from peft import LoraConfig, get_peft_model

        rank, alpha, targets = (self.parameters[name] for name in ("rank", "alpha", "targets"))
        kind = getattr(getattr(model, "config", None), "model_type", None)
        config = LoraConfig(
            r=rank, lora_alpha=alpha, lora_dropout=0.0, task_type="CAUSAL_LM",  # type: ignore[arg-type]
            target_modules=targets if isinstance(targets, str) else list(targets),  # type: ignore[arg-type]
            exclude_modules=PAST if targets == "all-linear" and kind in STATE_SPACE else None,
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),  # GPT-2's, stored transposed
        )  # fmt: skip
        try:
            return get_peft_model(model, config)
        except ValueError as error:
            raise UsageError(f"no adapter can go to the targets {targets!r}: {' '.join(str(error).split())}") from error
