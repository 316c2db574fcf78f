"""Models over several PyTorch processes, one per device, that form one process group."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from workloads.placement import Placement
from workloads.snapshot_torch import unwrap


def placement(workload: Any) -> Placement:
    """Distributed where this process is one of several, otherwise plain."""
    ranks = dist.get_world_size() if dist.is_initialized() else 1
    return Distributed(workload) if ranks > 1 else Single(workload)


class Single:
    """One process, one device."""

    def __init__(self, workload: Any) -> None:
        self._workload = workload

    def model(self, params: nn.Module, model_state: None) -> tuple[nn.Module, None]:
        return params, model_state

    def measured(self, params: nn.Module, model_state: None) -> tuple[nn.Module, None]:
        return params, model_state

    def batch(self, batch: Any) -> Any:
        return self._workload.to_device(batch)


class Distributed(Single):
    """The benchmark's recipe: the model in `DistributedDataParallel`, each process with its own examples.

    Gradients are averaged over the processes; submissions sum their losses over all of them to make up for it.
    """

    def model(self, params: nn.Module, model_state: None) -> tuple[nn.Module, None]:
        device = self._workload.device
        devices = [device.index] if device.type == "cuda" else None
        return DistributedDataParallel(params, device_ids=devices), None

    def measured(self, params: nn.Module, model_state: None) -> tuple[nn.Module, None]:
        """Averages what each process found in its own examples, where the workload asks for that."""
        if self._workload.averages_state_over_ranks:
            with torch.no_grad():
                for tensor in unwrap(params).state_dict().values():
                    if tensor.is_floating_point():
                        dist.all_reduce(tensor)
                        tensor /= dist.get_world_size()
        return params, None
