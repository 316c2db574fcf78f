"""Snapshots of PyTorch models, in the order of the bare module's state dict: parameters, running averages, counters.

Other buffers are constants. They do not cross the wall, or a submission could change the model that is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from workloads import snapshot
from workloads.snapshot import LayoutEntry

RUNNING = ("running_mean", "running_var", "num_batches_tracked")  # the buffers that training changes


def layout(params: nn.Module, model_state: None = None) -> tuple[LayoutEntry, ...]:
    """Where each array of the model stands."""
    return snapshot.build_layout(
        (kind, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for kind, tensor in _tensors(params)
    )


def arrays(params: nn.Module, model_state: None = None) -> Iterator[np.ndarray]:
    """The model's arrays in layout order, on the host; waits for the device."""
    for _, tensor in _tensors(params):
        yield snapshot.little_endian(tensor.detach().cpu().numpy())


def restore(workload: Any, buffer: Any) -> tuple[nn.Module, None]:
    """A model with exactly these bytes; its initial values are never computed, its constants are our own."""
    with torch.device("meta"):
        model = workload.build_model()
    # A model makes its constants on the processor, whatever the default device, so they have values here and are kept.
    model._apply(lambda tensor: torch.empty_like(tensor, device=workload.device) if tensor.is_meta else tensor)
    model = model.to(workload.device)
    with torch.no_grad():
        for (_, tensor), values in zip(_tensors(model), snapshot.views(layout(model), buffer), strict=True):
            tensor.copy_(torch.from_numpy(values.copy()))
    return model, None


def unwrap(model: nn.Module) -> nn.Module:
    """The bare module inside data-parallel and compile wrappers."""
    while True:
        inner = getattr(model, "_orig_mod", None) or getattr(model, "module", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _tensors(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Each tensor of the state dict but the constants, with "p" for parameters and "s" for running state."""
    bare = unwrap(model)
    parameters = {name for name, _ in bare.named_parameters()}
    return [
        ("p" if name in parameters else "s", tensor)
        for name, tensor in bare.state_dict().items()
        if name in parameters or name.rpartition(".")[2] in RUNNING
    ]
