"""LoRA fine-tuning (the paper's LFT): Hu et al. 2021, arXiv 2106.09685."""

from torch import nn

from itl_bench.methods.method import Method

STATE_SPACE = ("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h")
PAST = ["out_proj", "conv1d"]  # peft refuses adapters there


class Lora(Method):
    """Tune low-rank additions to the linear layers; the model's own weights stay."""

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Add adapters: `rank`, `alpha`, and `targets` ("all-linear", the output head left out).

        Of a state-space model "all-linear" leaves out what its kernels read past an adapter.
        """
        from peft import LoraConfig, get_peft_model

        targets, config_of = str(self.parameters["targets"]), getattr(model, "config", None)
        past = PAST if targets == "all-linear" and getattr(config_of, "model_type", None) in STATE_SPACE else None
        config = LoraConfig(
            r=int(self.parameters["rank"]), lora_alpha=int(self.parameters["alpha"]), lora_dropout=0.0,
            target_modules=targets, exclude_modules=past, task_type="CAUSAL_LM",
        )  # fmt: skip
        return get_peft_model(model, config)
