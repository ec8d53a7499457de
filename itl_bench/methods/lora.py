"""LoRA fine-tuning (the paper's LFT): Hu et al. 2021, arXiv 2106.09685."""

from torch import nn

from itl_bench.methods.method import Method


class Lora(Method):
    """Tune low-rank additions to the linear layers; the model's own weights stay."""

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Add adapters: `rank`, `alpha`, and `targets` ("all-linear", the output head left out)."""
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=int(self.parameters["rank"]), lora_alpha=int(self.parameters["alpha"]), lora_dropout=0.0,
            target_modules=str(self.parameters["targets"]), task_type="CAUSAL_LM",
        )  # fmt: skip
        return get_peft_model(model, config)
