"""A Transformer over the patches of an image, in JAX.

Source: Dosovitskiy et al. 2020 (arXiv 2010.11929), Beyer et al. 2022 (arXiv 2205.01580): fixed positions, mean over
tokens; initial values and names as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from workloads.jax_base import JaxWorkload, dropout
from workloads.losses.softmax_cross_entropy_jax import softmax_cross_entropy

_Drop = Callable[[jax.Array], jax.Array]
_GLOROT = nn.initializers.xavier_uniform()


def position_table(rows: int, columns: int, width: int) -> np.ndarray:
    """(rows * columns, width) float32: sines and cosines of the column, then of the row, of every patch."""
    frequencies = 10_000 ** -np.linspace(0, 1, width // 4)
    y, x = np.mgrid[:rows, :columns]
    angles = [place.reshape(-1, 1) * frequencies for place in (x, y)]
    return np.concatenate([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1).astype(np.float32)


class MlpBlock(nn.Module):
    """Wider, GELU, where asked a gate on that hidden vector, narrower."""

    hidden: int
    gated: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, drop: _Drop = lambda x: x) -> jax.Array:
        dense = partial(nn.Dense, kernel_init=_GLOROT, bias_init=nn.initializers.normal(1e-6))
        width = x.shape[-1]
        x = nn.gelu(dense(self.hidden)(x), approximate=True)
        if self.gated:
            x = x * dense(self.hidden)(x)  # the gate sees the activated vector, not the input of the block
        return dense(width)(drop(x))


class EncoderBlock(nn.Module):
    """Attention and feed-forward around shortcuts, with a layer norm before each or after each addition."""

    hidden: int
    heads: int
    gated: bool
    post_norm: bool

    @nn.compact
    def __call__(self, x: jax.Array, drop: _Drop) -> jax.Array:
        attention = nn.MultiHeadDotProductAttention(
            self.heads, kernel_init=_GLOROT, name="MultiHeadDotProductAttention_1"
        )
        mlp = MlpBlock(self.hidden, self.gated, name="MlpBlock_3")
        branches: tuple[Callable[[jax.Array], jax.Array], ...] = (attention, lambda y: mlp(y, drop))
        for norm_number, branch in zip((0, 2), branches, strict=True):
            norm = nn.LayerNorm(name=f"LayerNorm_{norm_number}")
            # v0.6 cannot run this layer norm behind the addition in JAX; it is what PyTorch and v0.5 compute.
            x = norm(x + drop(branch(x))) if self.post_norm else x + drop(branch(norm(x)))
        return x


class Encoder(nn.Module):
    """Blocks, and a last layer norm where they have theirs in front."""

    depth: int
    hidden: int
    heads: int
    gated: bool
    post_norm: bool

    @nn.compact
    def __call__(self, x: jax.Array, drop: _Drop) -> jax.Array:
        for block in range(self.depth):
            name = f"encoderblock_{block}"
            x = EncoderBlock(self.hidden, self.heads, self.gated, self.post_norm, name=name)(x, drop)
        return x if self.post_norm else nn.LayerNorm(name="encoder_layernorm")(x)


class MAPHead(nn.Module):
    """One learned query instead of the mean over tokens: (B, tokens, width) to (B, width). Nothing is dropped here."""

    hidden: int
    heads: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        probe = self.param("probe", _GLOROT, (1, 1, x.shape[-1]))
        queries = jnp.broadcast_to(probe, (len(x), 1, x.shape[-1]))
        x = nn.MultiHeadDotProductAttention(self.heads, kernel_init=_GLOROT)(queries, x)
        x = x + MlpBlock(self.hidden)(nn.LayerNorm()(x))
        return x[:, 0]


class VisionTransformer(nn.Module):
    """(B, height, width, channels) images to (B, classes) logits."""

    patch: int
    width: int
    depth: int
    mlp_dim: int
    heads: int
    classes: int
    gated: bool
    post_norm: bool
    attention_pooling: bool

    @nn.compact
    def __call__(self, images: jax.Array, *, dropout_rate: float | jax.Array, train: bool) -> jax.Array:
        def drop(x: jax.Array) -> jax.Array:
            return dropout(x, dropout_rate, self.make_rng("dropout") if train else None)

        patch = (self.patch, self.patch)
        x = nn.Conv(self.width, patch, strides=patch, padding="VALID", name="conv_patch_extract")(images)
        _, rows, columns, _ = x.shape
        x = x.reshape(-1, rows * columns, self.width)  # (B, tokens, width)
        x = drop(x + position_table(rows, columns, self.width).astype(x.dtype))
        x = Encoder(self.depth, self.mlp_dim, self.heads, self.gated, self.post_norm, name="Transformer")(x, drop)
        x = MAPHead(self.mlp_dim, self.heads)(x) if self.attention_pooling else x.mean(axis=1)
        x = jnp.tanh(nn.Dense(self.width, name="pre_logits")(x))
        return nn.Dense(self.classes, kernel_init=nn.initializers.zeros, name="head")(x)


class Workload(JaxWorkload):
    """Image classification: cross entropy, top-1 accuracy."""

    def build_model(self) -> nn.Module:
        return VisionTransformer(**self.spec.model)

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        images = jnp.zeros((1, *self.spec.data["image_shape"]))
        variables = self.build_model().init({"params": rng}, images, dropout_rate=0.0, train=False)
        return variables["params"], {}

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
        return param_key == "head"
