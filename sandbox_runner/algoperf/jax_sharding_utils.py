"""Placement of arrays on one mesh axis, `batch`, over all devices."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def get_replicate_sharding() -> NamedSharding:
    """Every device holds the whole array."""
    return NamedSharding(_mesh(), PartitionSpec())


def get_batch_dim_sharding() -> NamedSharding:
    """Devices share the first axis."""
    return NamedSharding(_mesh(), PartitionSpec("batch"))


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


def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), ("batch",))
