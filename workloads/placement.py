"""How a model and its batches are handed to a submission, and taken back to be measured. Loads without torch or jax.

One process on one device needs nothing of this. Several devices, or a submission of the older JAX generation, do.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from workloads.spec import Framework


class Placement(Protocol):
    """The way between a workload's own values and those a submission works with."""

    def model(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        """A fresh model as the submission expects it."""
        ...

    def measured(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        """The submission's model as the workload knows it; every process of a trial calls this together."""
        ...

    def batch(self, batch: Any) -> Any:
        """A NumPy batch, or the list of one batch per device, on the devices."""
        ...


class Unchanged:
    """Hands everything out as it is."""

    def model(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        return params, model_state

    def measured(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        return params, model_state

    def batch(self, batch: Any) -> Any:
        return batch


def placement(workload: Any, *, replicated: bool = False) -> Placement:
    """The placement for a workload object on the devices of this process.

    Args:
        replicated: JAX only: arrays get a leading axis of devices, for submissions that use `jax.pmap`.
    """
    if workload.framework == Framework.JAX:
        module = importlib.import_module("workloads.placement_jax")
        chosen: Placement = module.Replicated(workload) if replicated else module.Sharded(workload)
        return chosen
    module = importlib.import_module("workloads.placement_torch")
    torch_placement: Placement = module.placement(workload)
    return torch_placement
