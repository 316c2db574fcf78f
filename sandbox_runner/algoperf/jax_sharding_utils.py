"""Placement of arrays on one mesh axis, `batch`, over all devices."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding


def get_replicate_sharding() -> Sharding:
    """Every device holds the whole array."""
    return _sharding()


def get_batch_dim_sharding() -> Sharding:
    """Devices share the first axis."""
    return _sharding("batch")


def shard_along_batch_dim(x: Any) -> Any:
    """Every array of the tree, its first axis cut over the devices."""
    return jax.device_put(x, get_batch_dim_sharding())


def replicate(x: Any) -> Any:
    """Every array of the tree, whole on every device."""
    return jax.device_put(x, get_replicate_sharding())


def display_shard_info(x: jax.Array) -> None:
    """Prints where an array lies."""
    for shard in x.addressable_shards:
        print(f"{shard.device}: {shard.index} {shard.data.shape}")


def _sharding(*axes: str) -> Sharding:
    """One device needs no mesh. The workload's arrays have none there either, so that the second step of a submission
    finds the program that its first step compiled."""
    if jax.device_count() == 1:
        return SingleDeviceSharding(jax.devices()[0])
    return NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), PartitionSpec(*axes))
