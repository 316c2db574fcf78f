"""Snapshots of JAX models: leaves of the parameters, then of the model state, in `tree_flatten` order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from workloads import snapshot
from workloads.jax_base import replicate
from workloads.snapshot import LayoutEntry


def layout(params: Any, model_state: Any = None) -> tuple[LayoutEntry, ...]:
    """Where each array of the model stands; shapes suffice."""
    return snapshot.build_layout(
        (kind, tuple(np.shape(leaf)), str(getattr(leaf, "dtype", type(leaf).__name__)))
        for kind, leaf in _leaves(params, model_state)
    )


def arrays(params: Any, model_state: Any = None) -> Iterator[np.ndarray]:
    """The model's arrays in layout order, on the host; waits for the devices."""
    for _, leaf in _leaves(params, model_state):
        yield snapshot.little_endian(np.asarray(leaf))


def restore(workload: Any, buffer: Any) -> tuple[Any, Any]:
    """Parameters and model state with exactly these bytes; initial values are never computed."""
    shapes = jax.eval_shape(workload.initial_variables, jax.random.PRNGKey(0))
    values = snapshot.views(layout(*shapes), buffer)
    params, model_state = jax.tree.unflatten(jax.tree.structure(shapes), values)
    return replicate(params), replicate(model_state)


def _leaves(params: Any, model_state: Any) -> list[tuple[str, Any]]:
    """Each leaf, with "p" for parameters and "s" for model state."""
    return [(kind, leaf) for kind, tree in (("p", params), ("s", model_state)) for leaf in jax.tree.leaves(tree)]
