"""Names that existing JAX submissions use and that newer versions of their libraries have dropped or moved.

They come back only where the same thing still exists under another name, so nothing here computes differently than the
library does. A name that is there is left alone. Source: the change logs of JAX and Optax.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

# module -> old name -> where it lives now. A module that does not exist any more is made.
_MOVED: Mapping[str, Mapping[str, str]] = {
    "jax": {
        "tree_map": "jax.tree_util:tree_map",
        "tree_multimap": "jax.tree_util:tree_map",
        "tree_leaves": "jax.tree_util:tree_leaves",
        "tree_flatten": "jax.tree_util:tree_flatten",
        "tree_unflatten": "jax.tree_util:tree_unflatten",
        "tree_structure": "jax.tree_util:tree_structure",
        "tree_transpose": "jax.tree_util:tree_transpose",
        "tree_treedef_is_leaf": "jax.tree_util:treedef_is_leaf",
        "host_id": "jax:process_index",
        "host_count": "jax:process_count",
    },
    "jax.tree_util": {"tree_multimap": "jax.tree_util:tree_map"},
    "jax.random": {"KeyArray": "jax:Array", "PRNGKeyArray": "jax:Array"},
    "jax.core": {"Shape": "builtins:tuple", "get_aval": "jax:typeof"},
    "jax.linear_util": {
        "wrap_init": "jax.extend.linear_util:wrap_init",
        "transformation": "jax.extend.linear_util:transformation",
    },
    "jax.lib.xla_bridge": {"get_backend": "jax.extend.backend:get_backend"},
    "jax.experimental": {"PartitionSpec": "jax.sharding:PartitionSpec"},
    "jax.scipy.linalg": {"tril": "jax.numpy:tril", "triu": "jax.numpy:triu"},
    "jax.numpy": {
        "DeviceArray": "jax:Array",
        "alltrue": "jax.numpy:all",
        "sometrue": "jax.numpy:any",
        "product": "jax.numpy:prod",
        "cumproduct": "jax.numpy:cumprod",
        "in1d": "jax.numpy:isin",
        "row_stack": "jax.numpy:vstack",
        "round_": "jax.numpy:round",
        "trapz": "jax.numpy:trapezoid",
    },
    "optax": {"additive_weight_decay": "optax:add_decayed_weights"},
    "optax._src.transform": {
        "bias_correction": "optax:bias_correction",
        "update_moment": "optax:update_moment",
        "update_moment_per_elem_norm": "optax:update_moment_per_elem_norm",
        "update_infinity_moment": "optax:update_infinity_moment",
        "_bias_correction": "optax:bias_correction",
        "_update_moment": "optax:update_moment",
        "_update_moment_per_elem_norm": "optax:update_moment_per_elem_norm",
    },
    "optax._src.alias": {"_scale_by_learning_rate": "optax:scale_by_learning_rate"},
    "optax._src.utils": {"cast_tree": "optax.tree_utils:tree_cast"},
}


def restore() -> None:
    """Puts the old names back; quick when they are there already. Imports jax and optax."""
    for module_name, names in _MOVED.items():
        module = _module(module_name)
        for name, place in names.items():
            if name not in vars(module):
                setattr(module, name, _lookup(place))
    for function in (device_put_replicated, device_put_sharded):
        if function.__name__ not in vars(sys.modules["jax"]):
            setattr(sys.modules["jax"], function.__name__, function)


def device_put_replicated(x: Any, devices: Sequence[Any]) -> Any:
    """The tree once per device, along a new first axis."""
    import jax
    import jax.numpy as jnp

    return device_put_sharded([jax.tree.map(jnp.asarray, x)] * len(devices), devices)


def device_put_sharded(shards: Sequence[Any], devices: Sequence[Any]) -> Any:
    """One tree per device, along a new first axis."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    mesh = jax.sharding.Mesh(np.array(devices), ("device",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("device"))
    return jax.tree.map(lambda *parts: jax.device_put(jnp.stack(parts), sharding), *shards)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module = sys.modules[name] = ModuleType(name)
        parent, _, own = name.rpartition(".")
        setattr(_module(parent), own, module)
        return module


def _lookup(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
