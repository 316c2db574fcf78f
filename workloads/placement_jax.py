"""Arrays over the devices of one JAX process: sharded for `jax.jit`, or with an axis of devices for `jax.pmap`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from workloads import shards
from workloads.jax_base import place


class Sharded:
    """Models whole on every device, batches cut along their first axis: generation C."""

    def __init__(self, workload: Any) -> None:
        self._workload = workload

    def model(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        return params, model_state

    def measured(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        return params, model_state

    def batch(self, batch: Any) -> Any:
        """Batches of several devices become one; the graphs of each stay together on their device."""
        return self._workload.to_device(shards.joined(batch) if isinstance(batch, list) else batch)


class Replicated:
    """Every array once per device along a new first axis: generations A and B."""

    def __init__(self, workload: Any) -> None:
        self._workload = workload

    def model(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        return _repeated(params), _repeated(model_state)

    def measured(self, params: Any, model_state: Any) -> tuple[Any, Any]:
        """The parameters of the first device, and the mean of what each device found in its own examples.

        The copies of the parameters are equal; running averages of batch norm are not, and the benchmark averages them.
        """
        return jax.tree.map(lambda leaf: leaf[0], params), jax.tree.map(_mean, model_state)

    def batch(self, batch: Any) -> Any:
        """Arrays (devices, examples per device, ...)."""
        parts = batch if isinstance(batch, list) else shards.cut(batch, jax.local_device_count())
        return place(shards.stacked(parts), "batch")


def _repeated(tree: Any) -> Any:
    devices = jax.local_device_count()
    copies = jax.tree.map(lambda leaf: np.broadcast_to(np.asarray(leaf), (devices, *np.shape(leaf))), tree)
    return place(copies, "batch")


def _mean(leaf: Any) -> Any:
    return jnp.mean(leaf, axis=0).astype(leaf.dtype)
