"""Softmax cross entropy in JAX, per example or per token."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from workloads.losses.reduction_jax import masked_sum


def softmax_cross_entropy(
    labels: jax.Array, logits: jax.Array, mask: jax.Array | None, label_smoothing: float | jax.Array
) -> dict[str, Any]:
    """`summed`, `n_valid_examples` and `per_example` losses.

    Args:
        labels: (...) classes, or (..., classes) distributions.
        logits: (..., classes).
        mask: (...) weights of what counts; everything counts once without it.
        label_smoothing: labels become (1 - this) times themselves plus this spread evenly over the classes.
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))  # sums need more than 8 bits
    classes = logits.shape[-1]
    soft = labels.ndim == logits.ndim
    targets = labels if soft else jax.nn.one_hot(labels, classes, dtype=logits.dtype)
    targets = (1 - label_smoothing) * targets + label_smoothing / classes
    return masked_sum(-jnp.sum(targets * jax.nn.log_softmax(logits), axis=-1), mask)
