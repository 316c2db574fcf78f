"""A U-Net that restores images, in JAX.

Source: Ronneberger et al. 2015 (arXiv 1505.04597), Zbontar et al. 2018 (arXiv 1811.08839); sizes, initial values, names
as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from workloads.api import ForwardPassMode
from workloads.jax_base import JaxWorkload
from workloads.losses.mean_absolute_error_jax import mean_absolute_error

_Activation = Callable[[jax.Array], jax.Array]
_ACTIVATIONS: Mapping[str, _Activation] = {
    "leaky_relu": partial(nn.leaky_relu, negative_slope=0.2),
    "tanh": jnp.tanh,
}
_SPACE = (1, 2)


def instance_norm(x: jax.Array) -> jax.Array:
    """Each channel of each example to mean 0 and variance 1 over its space; nothing is learned."""
    x = x - x.mean(axis=_SPACE, keepdims=True)
    return x * jax.lax.rsqrt(jnp.square(x).mean(axis=_SPACE, keepdims=True) + 1e-5)


class ConvBlock(nn.Module):
    """Twice: 3x3 convolution, norm, activation."""

    outputs: int
    activation: _Activation
    layer_norm: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for _ in range(2):
            x = nn.Conv(self.outputs, (3, 3), use_bias=False)(x)
            # Over channels and space together, with a scale and a shift per channel.
            x = nn.LayerNorm(reduction_axes=(1, 2, 3))(x) if self.layer_norm else instance_norm(x)
            x = self.activation(x)
        return x


class TransposeConvBlock(nn.Module):
    """2x2 transposed convolution that doubles the size, instance norm, activation."""

    outputs: int
    activation: _Activation

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = nn.ConvTranspose(self.outputs, (2, 2), strides=(2, 2), use_bias=False)(x)
        return self.activation(instance_norm(x))


class UNet(nn.Module):
    """(B, height, width) to (B, height, width)."""

    channels: int
    poolings: int
    activation: str
    layer_norm: bool

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        activation = _ACTIVATIONS[self.activation]
        block = partial(ConvBlock, activation=activation, layer_norm=self.layer_norm)
        widths = [self.channels * 2**stage for stage in range(self.poolings)]
        x = images[..., None]  # (B, height, width, 1)
        skips = []
        for width in widths:
            x = block(width)(x)
            skips.append(x)
            x = nn.avg_pool(x, (2, 2), strides=(2, 2))
        x = block(2 * widths[-1])(x)
        for width, skip in zip(reversed(widths), reversed(skips), strict=True):
            x = grown_to(TransposeConvBlock(width, activation)(x), skip)
            x = block(width)(jnp.concatenate([x, skip], axis=-1))
        return nn.Conv(1, (1, 1))(x)[..., 0]


def grown_to(x: jax.Array, skip: jax.Array) -> jax.Array:
    """`x` with one mirrored row or column more where pooling had rounded an odd size down."""
    rows, columns = (ours - theirs for ours, theirs in zip(skip.shape[1:3], x.shape[1:3], strict=True))
    return jnp.pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="reflect") if rows or columns else x


class Workload(JaxWorkload):
    """Images restored: mean absolute error, structural similarity."""

    def build_model(self) -> nn.Module:
        return UNet(**self.spec.model)

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        images = jnp.zeros((1, *self.spec.data["image_shape"]))
        return self.build_model().init({"params": rng}, images)["params"], None

    def model_fn(
        self,
        params: Any,
        augmented_and_preprocessed_input_batch: Mapping[str, Any],
        model_state: Any,
        mode: ForwardPassMode,
        rng: Any,
        update_batch_norm: bool,
        dropout_rate: float | None = None,
        *,
        use_running_average_bn: bool | None = None,
    ) -> tuple[jax.Array, Any]:
        """Outputs of one batch; the model state is handed through, because there is no batch norm.

        The rate is ignored: in v0.6 it reaches no layer of this model in JAX, only in PyTorch, where the default is 0.
        """
        images = augmented_and_preprocessed_input_batch["inputs"]
        outputs: Any = self.build_model().apply({"params": params}, images)
        return outputs, model_state

    def loss_fn(
        self,
        label_batch: jax.Array,
        logits_batch: jax.Array,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """Mean absolute error per image (B,). Labels cannot be smoothed here."""
        return mean_absolute_error(label_batch, logits_batch, mask_batch)

    def is_output_params(self, param_key: str) -> bool:
        return param_key == "Conv_0"
