"""Mean absolute error in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from workloads.losses.reduction_jax import masked_sum


def mean_absolute_error(labels: jax.Array, outputs: jax.Array, mask: jax.Array | None) -> dict[str, Any]:
    """`summed`, `n_valid_examples` and `per_example` losses, each the mean over one example's entries.

    Args:
        labels, outputs: (B, ...).
        mask: (B,) weights of what counts; everything counts once without it.
    """
    outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))  # sums need more than 8 bits
    return masked_sum(jnp.abs(outputs - labels).mean(axis=tuple(range(1, outputs.ndim))), mask)
