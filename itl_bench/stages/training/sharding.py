"""One cell over several processes, one for each GPU: what each holds of the model, and the check that it is so."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.training.diverged import check_not_diverged, weights_to_keep
from itl_bench.stages.training.log import TrainingLog

Kind = Literal["none", "ddp", "fsdp"]
MODEL_CARD = "README.md"  # a form that peft writes, with nothing filled in but where the base is


@dataclass(frozen=True)
class Sharding:
    """How a cell is spread over processes.

    Attributes:
        kind: `none`: one process; `ddp`: a whole model in each; `fsdp`: a share of the model in each.
        processes: That train the cell together.
    """

    kind: Kind = "none"
    processes: int = 1

    def __post_init__(self) -> None:
        """Refuse one process that shares, and several that do not.

        Raises:
            UsageError: Kind and number do not go together.
        """
        if self.processes < 1 or (self.kind == "none") != (self.processes == 1):
            raise UsageError(
                f"{self.kind} over {self.processes} processes; accepted: none over 1, ddp or fsdp over more"
            )


ALONE = Sharding()


class Found(NamedTuple):
    """What a model turned out to be."""

    kind: str
    processes: int

    def __str__(self) -> str:
        """For example "fsdp over 2 processes"."""
        return f"{self.kind} over {self.processes} process{'es' if self.processes > 1 else ''}"


@contextmanager
def in_turn() -> Iterator[None]:
    """Let one process after the other do what takes much memory; collective, and nothing inside may be so."""
    rank = distributed.get_rank()
    for _ in range(rank):
        distributed.barrier()
    yield
    for _ in range(distributed.get_world_size() - rank):
        distributed.barrier()


def shard(model: nn.Module, sharding: Sharding, bf16: bool) -> None:
    """Leave each process its share of every weight (FSDP2), layer by layer; only `fsdp` does that.

    Nothing is exchanged: all processes have made the same model, and keep different parts of it.

    Args:
        model: Whole, on the CPU; its weights move to the device. What is trained is fp32.
        sharding: What was asked for.
        bf16: Whether layers are put together in bf16; weights, gradients and optimizer stay as they are.

    Raises:
        UsageError: The model names no layers.
    """
    if sharding.kind != "fsdp":
        return
    mesh = init_device_mesh("cuda" if torch.cuda.is_available() else "cpu", (sharding.processes,))
    rounded = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    policy = rounded if bf16 else MixedPrecisionPolicy()
    base = _base(model)
    for part in (*_layers(base), model):
        # The outermost too: a forward pass without a backward pass would else leave its weights whole.
        fully_shard(part, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    base._is_distributed_loading_by_transformers = True  # by this its Trainer knows that nothing is to be wrapped


def check_sharding(model: nn.Module, sharding: Sharding) -> None:
    """See that a model is spread as it was asked to be: libraries fall back to something else without a word.

    Args:
        model: As it is called in training, with whatever is wrapped around it.
        sharding: What was asked for.

    Raises:
        ItlError: It is not.
    """
    asked, found = Found(sharding.kind, sharding.processes), _found(model)
    if asked != found:
        raise ItlError(
            f"asked for {asked}, got {found}; install the versions of torch, transformers and accelerate that "
            "constraints.txt names"
        )


def save_tuned(model: nn.Module, folder: Path, log: TrainingLog, rate: float) -> None:
    """Write the adapter, or all weights, as safetensors; collective where the model is sharded, the first one writes.

    The same training gives the same bytes wherever it runs: no file says where the base is, and names are in order.

    Args:
        model: A model of transformers or peft; it forgets where it was loaded from.
        folder: Where to.
        log: Of the training, for the message where it diverged.
        rate: Its learning rate, likewise.

    Raises:
        DivergedError: A weight is NaN or infinite; nothing is written.
    """
    whole: Any = model
    _forget_place(model)
    if _found(model).kind == "fsdp":
        weights = whole_weights(model)
        check_not_diverged(weights.items(), log.losses, rate)
        whole.save_pretrained(folder, state_dict=weights, is_main_process=distributed.get_rank() == 0)
    elif not distributed.is_initialized() or distributed.get_rank() == 0:
        check_not_diverged(weights_to_keep(model), log.losses, rate)
        whole.save_pretrained(folder)
    (folder / MODEL_CARD).unlink(missing_ok=True)


def _forget_place(model: nn.Module) -> None:
    """Leave nothing of this machine, nor the order of a set, in the files that libraries write of a model."""
    base = _base(model)
    base.name_or_path = base.config._name_or_path = ""
    configs: dict[str, Any] = getattr(model, "peft_config", {})
    for config in configs.values():
        config.base_model_name_or_path = None
        for name, value in vars(config).items():
            if isinstance(value, set):
                setattr(config, name, sorted(value))


def whole_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a sharded model put together, on the CPU of the first process; nothing on the others.

    Of a model with an adapter, only what is trained. Weights with two names have the first of them.
    """
    adapter = hasattr(model, "peft_config")
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=adapter)
    every: dict[str, Any] = get_model_state_dict(model, options=options)
    names = {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
    return {name: weight for name, weight in every.items() if name in names}


def add_up(log: TrainingLog, positions: int) -> int:
    """Make the counts of a log those of all processes; collective.

    Returns:
        The sum of `positions`.
    """
    counts = torch.tensor([positions, log.tokens, log.response_tokens, *log.step_tokens])
    distributed.all_reduce(moved := counts.to(_device()))
    positions, log.tokens, log.response_tokens, *log.step_tokens = moved.tolist()
    return positions


def _device() -> str:
    return "cuda" if distributed.get_backend() != "gloo" else "cpu"


def _base(model: nn.Module) -> Any:
    """The model of transformers inside an adapter."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]


def _layers(base: nn.Module) -> list[nn.Module]:
    """The layers, inner ones first."""
    names = set(getattr(base, "_no_split_modules", None) or ())
    if found := [module for module in base.modules() if type(module).__name__ in names]:
        return found[::-1]
    raise UsageError(f"{type(base).__name__} names no layers (_no_split_modules) to shard; train it on one GPU")


def _found(model: nn.Module) -> Found:
    if isinstance(model, DistributedDataParallel):
        return Found("ddp", distributed.get_world_size(model.process_group))
    if isinstance(model, nn.DataParallel):
        return Found("copies in one process", len(model.device_ids))
    weights = list(model.parameters())
    sharded = [one for one in weights if isinstance(one, DTensor) and any(way.is_shard() for way in one.placements)]
    if not sharded:
        return Found("none", 1)
    kind = "fsdp" if len(sharded) == len(weights) else f"fsdp of {len(sharded)} of {len(weights)} weights"
    return Found(kind, min(one.device_mesh.size() for one in sharded))
