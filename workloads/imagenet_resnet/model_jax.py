"""Residual network of bottlenecks with batch norm, in JAX.

Source: He et al. 2015 (arXiv 1512.03385), with the stride on the 3x3 convolution; initial values and names as in the
benchmark's parameter tables.
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
from workloads.losses.softmax_cross_entropy_jax import softmax_cross_entropy

_ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "relu": nn.relu,
    "silu": nn.silu,
    "gelu": partial(nn.gelu, approximate=True),
}
_EXPANSION = 4


class BottleneckResNetBlock(nn.Module):
    """1x1 to `width`, 3x3, 1x1 to four times `width`, around a shortcut."""

    width: int
    stride: int
    project: bool
    activation: Callable[[jax.Array], jax.Array]
    last_scale: float
    symmetric_padding: bool

    @nn.compact
    def __call__(self, x: jax.Array, norm: Callable[..., Any]) -> jax.Array:
        convolution = partial(nn.Conv, use_bias=False)
        padding = ((1, 1), (1, 1)) if self.symmetric_padding else "SAME"
        outputs = self.width * _EXPANSION
        y = self.activation(norm()(convolution(self.width, (1, 1))(x)))
        y = convolution(self.width, (3, 3), (self.stride, self.stride), padding=padding)(y)
        y = self.activation(norm()(y))
        y = norm(scale_init=nn.initializers.constant(self.last_scale))(convolution(outputs, (1, 1))(y))
        if self.project:
            x = convolution(outputs, (1, 1), (self.stride, self.stride), name="Conv_proj")(x)
            x = norm(name="BatchNorm_proj")(x)
        return self.activation(y + x)


class ResNet(nn.Module):
    """(B, height, width, channels) images to (B, classes) logits."""

    stage_sizes: tuple[int, ...]
    width: int
    classes: int
    stem: Mapping[str, Any]
    activation: str
    last_scale: float
    symmetric_padding: bool

    @nn.compact
    def __call__(self, x: jax.Array, *, use_running_averages: bool) -> jax.Array:
        norm = partial(nn.BatchNorm, use_running_average=use_running_averages, momentum=0.9, epsilon=1e-5)
        activation = _ACTIVATIONS[self.activation]
        kernel, stride = self.stem["kernel"], self.stem["stride"]
        padding = ((kernel // 2, kernel // 2),) * 2
        x = nn.Conv(self.width, (kernel, kernel), (stride, stride), padding=padding, use_bias=False, name="Conv_init")(
            x
        )
        x = activation(norm(name="BatchNorm_init")(x))
        if self.stem["pool"]:
            x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        for stage, blocks in enumerate(self.stage_sizes):
            for block in range(blocks):
                x = BottleneckResNetBlock(
                    width=self.width * 2**stage,
                    stride=2 if stage > 0 and block == 0 else 1,
                    project=block == 0,
                    activation=activation,
                    last_scale=self.last_scale,
                    symmetric_padding=self.symmetric_padding,
                )(x, norm)
        return nn.Dense(self.classes, kernel_init=nn.initializers.normal(0.01))(x.mean(axis=(1, 2)))


class Workload(JaxWorkload):
    """Image classification: cross entropy, top-1 accuracy."""

    def build_model(self) -> nn.Module:
        return ResNet(**self.spec.model)

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        images = jnp.zeros((1, *self.spec.data["image_shape"]))
        variables = dict(self.build_model().init({"params": rng}, images, use_running_averages=True))
        return variables.pop("params"), variables

    def model_fn(  # type: ignore[override]
        self,
        params: Any,
        augmented_and_preprocessed_input_batch: Mapping[str, Any],
        model_state: Any,
        mode: ForwardPassMode,
        rng: Any,
        update_batch_norm: bool,
        use_running_average_bn: bool | None = None,
        dropout_rate: float | None = None,
    ) -> tuple[jax.Array, Any]:
        """Logits of one batch and the new running averages. There is no dropout here.

        Batch norm uses running averages when it does not update them, unless `use_running_average_bn` says otherwise.
        As in the benchmark, `mode` changes nothing.
        """
        running = not update_batch_norm if use_running_average_bn is None else use_running_average_bn
        logits, new_state = self.build_model().apply(
            {"params": params, **model_state},
            augmented_and_preprocessed_input_batch["inputs"],
            use_running_averages=running,
            mutable=["batch_stats"],
        )
        return logits, new_state if update_batch_norm else model_state

    def loss_fn(
        self,
        label_batch: jax.Array,
        logits_batch: jax.Array,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """Softmax cross entropy of (B, classes) logits; labels are classes (B,) or distributions (B, classes)."""
        return softmax_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        return param_key == "Dense_0"
