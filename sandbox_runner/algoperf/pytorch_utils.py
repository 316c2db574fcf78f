"""What PyTorch submissions ask for at import time, and the layers of the benchmark's models."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from workloads.torch_base import set_batch_norm_updates


def pytorch_setup() -> tuple[bool, int, torch.device, int]:
    """(uses distributed data parallel, rank, device, number of GPUs). Cheap, without side effects.

    `LOCAL_RANK` names the rank where a trial has several processes, one per device.
    """
    distributed = "LOCAL_RANK" in os.environ
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device(f"cuda:{rank}" if torch.cuda.is_available() else "cpu")
    return distributed, rank, device, torch.cuda.device_count()


def sync_ddp_time(time: float, device: torch.device) -> float:
    """The latest time of all processes."""
    latest = torch.tensor(time, dtype=torch.float64, device=device)
    dist.all_reduce(latest, op=dist.ReduceOp.MAX)
    return float(latest.item())


def update_batch_norm_fn(module: nn.Module, update_batch_norm: bool) -> None:
    """Lets training passes move the running averages of batch norm, or not."""
    set_batch_norm_updates(module, update_batch_norm)


class CustomDropout(nn.Module):
    """Dropout whose rate is an argument of the call."""

    def forward(self, x: torch.Tensor, p: float) -> torch.Tensor:
        return F.dropout(x, p, training=self.training)


class CustomDropout2d(nn.Module):
    """Dropout of whole channels whose rate is an argument of the call."""

    def forward(self, x: torch.Tensor, p: float) -> torch.Tensor:
        return F.dropout2d(x, p, training=self.training)


class SequentialWithDropout(nn.Sequential):
    """Modules one after the other; the rate goes to those that take it."""

    def forward(self, x: torch.Tensor, p: float) -> torch.Tensor:  # type: ignore[override]
        for module in self:
            x = module(x, p) if isinstance(module, CustomDropout | CustomDropout2d) else module(x)
        return x
