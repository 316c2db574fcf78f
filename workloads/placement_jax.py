"""Arrays over the devices of one JAX process: sharded for `jax.jit`, or with an axis of devices for `jax.pmap`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from workloads import shards


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
        return _spread(shards.stacked(parts))


def _repeated(tree: Any) -> Any:
    devices = jax.local_device_count()
    copies = jax.tree.map(lambda leaf: np.broadcast_to(np.asarray(leaf), (devices, *np.shape(leaf))), tree)
    return _spread(copies)


def _spread(tree: Any) -> Any:
    """Arrays over the devices by their first axis, named as submissions name it: also on one device, so that the second
    step of a submission finds the program that its first step compiled."""
    mesh = jax.sharding.Mesh(np.array(jax.local_devices()), ("batch",))
    return jax.device_put(tree, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch")))


def _mean(leaf: Any) -> Any:
    return jnp.mean(leaf, axis=0).astype(leaf.dtype)
