"""Normalisation that keeps scale - 1, so that weight decay pulls towards the identity, in JAX.

Source: the benchmark's speech models.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp


class LayerNorm(nn.Module):
    """Normalised over the last axis, times 1 + scale, plus bias."""

    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.zeros, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        return (centred * jax.lax.rsqrt(variance + self.epsilon) * (1 + scale) + bias).astype(x.dtype)


class BatchNorm(nn.Module):
    """Batch norm over the frames that count; frames that only pad come out as 0.

    The variance is the biased one, in the running average too. Running averages keep their shape; the benchmark's
    grow two axes at the first update, which would compile a submission's step a second time.
    """

    decay: float = 0.999
    epsilon: float = 1e-3
    over_all_devices: bool = False  # also where a submission maps over devices by itself, over the axis `batch`

    @nn.compact
    def __call__(self, x: jax.Array, padded: jax.Array, *, use_running_averages: bool) -> jax.Array:
        """(B, frames, features), and true where a frame pads, (B, frames)."""
        features = x.shape[-1:]
        scale = self.param("scale", nn.initializers.zeros, features)
        bias = self.param("bias", nn.initializers.zeros, features)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, features)
        running_variance = self.variable("batch_stats", "var", jnp.ones, features)
        padded = padded[..., jnp.newaxis]
        if use_running_averages:
            mean, variance = running_mean.value, running_variance.value
        else:
            mean, variance = self._statistics(x.astype(jnp.promote_types(x.dtype, jnp.float32)), padded)
            if not self.is_initializing():
                running_mean.value = self.decay * running_mean.value + (1 - self.decay) * mean
                running_variance.value = self.decay * running_variance.value + (1 - self.decay) * variance
        normalised = (x - mean) * ((1 + scale) * jax.lax.rsqrt(variance + self.epsilon)) + bias
        return jnp.where(padded, 0, normalised).astype(x.dtype)

    def _statistics(self, x: jax.Array, padded: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and biased variance of each feature over what counts, in two passes."""
        total = _total_of_devices if self.over_all_devices else lambda value: value
        count = jnp.maximum(total(jnp.sum(~padded)), 1)
        mean = total(jnp.sum(jnp.where(padded, 0, x), axis=(0, 1))) / count
        return mean, total(jnp.sum(jnp.where(padded, 0, jnp.square(x - mean)), axis=(0, 1))) / count


def _total_of_devices(value: jax.Array) -> jax.Array:
    """The sum over a mapped axis `batch`. Without one the batch is that of all devices already."""
    try:
        return jax.lax.psum(value, "batch")
    except NameError:
        return value
