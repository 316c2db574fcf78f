"""What shortens a sequence of features to a quarter, in JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

glorot_dense = partial(nn.Dense, kernel_init=nn.initializers.glorot_uniform())


class Conv2dSubsampling(nn.Module):
    """A 3x3 convolution of stride 2 and an activation; frames that only pad come out as 0."""

    features: int
    activation: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array, paddings: jax.Array) -> tuple[jax.Array, jax.Array]:
        """(B, frames, bands, channels) and (B, frames) to half as many frames and bands, rounded up."""
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        layout = ("NHWC", "HWIO", "NHWC")
        # The features are float32; from here on the model computes in the precision of its parameters.
        x = jax.lax.conv_general_dilated(x.astype(kernel.dtype), kernel, (2, 2), "SAME", dimension_numbers=layout)
        x, paddings = self.activation(x + bias), paddings[:, ::2]
        return jnp.where((paddings > 0)[:, :, jnp.newaxis, jnp.newaxis], 0, x), paddings


class Subsample(nn.Module):
    """(B, frames, bands) features to a quarter as many frames of `features` numbers, rounded up twice."""

    features: int
    activation: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array, paddings: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, paddings = Conv2dSubsampling(self.features, self.activation)(x[..., jnp.newaxis], paddings)
        x, paddings = Conv2dSubsampling(self.features, self.activation)(x, paddings)
        x = x.reshape(*x.shape[:2], -1)  # (B, frames / 4, bands / 4 * features), channels next to each other
        return glorot_dense(self.features)(x), paddings
