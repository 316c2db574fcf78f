"""Sigmoid cross entropy in JAX, with entries that do not count."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def sigmoid_cross_entropy(
    labels: jax.Array, logits: jax.Array, mask: jax.Array | None, label_smoothing: float | jax.Array = 0.0
) -> dict[str, Any]:
    """`summed`, `n_valid_examples` and `per_example` losses; every entry is an example.

    Args:
        labels: like logits, 0 to 1; anything, NaN included, where the mask is 0.
        logits: (..., tasks).
        mask: like logits; everything counts once without it.
        label_smoothing: labels become (1 - this) times themselves plus this over the number of tasks.
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))  # sums and counts need more than 8 bits
    mask = jnp.ones_like(logits) if mask is None else mask
    labels = jnp.where(mask > 0, labels, 0.0)
    labels = (1 - label_smoothing) * labels + label_smoothing / logits.shape[-1]
    per_example = -labels * jax.nn.log_sigmoid(logits) - (1 - labels) * jax.nn.log_sigmoid(-logits)
    per_example = jnp.where(mask > 0, mask * per_example, 0.0)
    return {"summed": per_example.sum(), "n_valid_examples": mask.sum(), "per_example": per_example}
