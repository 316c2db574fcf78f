"""Masks over time and frequency of features, in JAX; for training only.

Source: Park et al. 2019 (arXiv 1904.08779), without time warping; ranges as the benchmark draws them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

FREQUENCY_LIMIT = 27  # bands; a mask is narrower
TIME_RATIO = 0.05  # of the valid frames; a mask is no longer


def spec_augment(
    features: jax.Array, paddings: jax.Array, rng: jax.Array, *, time_masks: int, frequency_masks: int
) -> jax.Array:
    """Sets stretches of frames and of bands to 0, drawn for each example.

    Args:
        features: (B, frames, bands).
        paddings: (B, frames), 1 where a frame only pads.
    """
    batch, frames, bands = features.shape
    time_rng, frequency_rng = jax.random.split(rng)
    if time_masks:
        lengths = jnp.sum(1 - paddings, axis=1)
        masked = mask(time_rng, lengths, frames, time_masks, limit=TIME_RATIO * lengths, ratio=TIME_RATIO)
        features = jnp.where(masked[:, :, jnp.newaxis], 0, features)
    if frequency_masks:
        lengths = jnp.full(batch, float(bands))
        limit = jnp.full(batch, float(FREQUENCY_LIMIT))
        masked = mask(frequency_rng, lengths, bands, frequency_masks, limit=limit, ratio=1.0)
        features = jnp.where(masked[:, jnp.newaxis, :], 0, features)
    return features


def mask(
    rng: jax.Array, lengths: jax.Array, positions: int, count: int, *, limit: jax.Array, ratio: float
) -> jax.Array:
    """(B, positions), true where one of `count` masks of an example lies.

    Args:
        lengths: (B,), how many positions of each example a mask may touch.
        limit: (B,), a mask is shorter than this;
        ratio: nor is it longer than this part of the length, or one position.
    """
    random = jax.random.uniform(rng, (2, len(lengths), count))
    longest = jnp.maximum(jnp.floor(ratio * lengths), 1)
    sizes = jnp.minimum(jnp.floor(random[0] * limit[:, jnp.newaxis]), longest[:, jnp.newaxis])
    starts = jnp.floor(random[1] * (lengths[:, jnp.newaxis] - sizes + 1))
    position = jnp.arange(positions)
    inside = (position >= starts[..., jnp.newaxis]) & (position < (starts + sizes)[..., jnp.newaxis])
    return inside.any(axis=1)  # (B, count, positions) before
