"""A recommendation network in JAX: dense and categorical features, their pairwise products, two perceptrons.

Source: Naumov et al. 2019 (arXiv 1906.00091); sizes, initial values, names as in the benchmark's parameter tables.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from workloads.jax_base import JaxWorkload, dropout
from workloads.losses.sigmoid_cross_entropy_jax import sigmoid_cross_entropy

_GLOROT_NORMAL = nn.initializers.variance_scaling(1.0, "fan_avg", "normal")


class RecommendationNetwork(nn.Module):
    """(B, dense + categorical) features to (B, 1) logits. One flat module, so layers are numbered in order of use."""

    dense_features: int
    categorical_features: int
    table_rows: int
    embedding_dim: int
    bottom_dims: tuple[int, ...]
    top_dims: tuple[int, ...]
    layer_norm: bool
    residual: bool
    embedding_init: float | None

    @nn.compact
    def __call__(self, inputs: jax.Array, *, dropout_rate: float | jax.Array, train: bool) -> jax.Array:
        bottom = inputs[:, : self.dense_features]
        for layer, width in enumerate(self.bottom_dims):
            y = self._norm(nn.relu(_dense(width, nn.initializers.xavier_uniform())(bottom)))
            bottom = y + bottom if self.residual and layer > 0 else y
        ids = inputs[:, self.dense_features :].astype(jnp.int32) % self.table_rows
        embedded = self._norm(jnp.take(self._table(), ids, axis=0, mode="clip"))  # (B, categorical, width)
        pairs = embedded.reshape(len(embedded), -1) if self.residual else upper_products(bottom, embedded)
        top = jnp.concatenate([bottom, pairs], axis=1)
        *hidden, outputs = self.top_dims
        for layer, width in enumerate(hidden):
            y = self._norm(nn.relu(_dense(width, _GLOROT_NORMAL)(top)))
            if train and layer == len(hidden) - 1:
                y = dropout(y, dropout_rate, self.make_rng("dropout"))
            top = y + top if self.residual and layer > 0 else y
        return _dense(outputs, _GLOROT_NORMAL)(top)

    def _norm(self, x: jax.Array) -> jax.Array:
        return nn.LayerNorm()(x) if self.layer_norm else x

    def _table(self) -> jax.Array:
        bound = self.table_rows**-0.5 if self.embedding_init is None else self.embedding_init
        shape = (self.table_rows, self.embedding_dim)
        return self.param("embedding_table", nn.initializers.uniform(bound), shape)


def _dense(outputs: int, kernel_init: nn.initializers.Initializer) -> nn.Dense:
    return nn.Dense(outputs, kernel_init=kernel_init, bias_init=nn.initializers.normal(outputs**-0.5))


def upper_products(bottom: jax.Array, embedded: jax.Array) -> jax.Array:
    """Dot products of all pairs of the vectors (B, 1 + n, width), each with itself too, row by row: (B, pairs)."""
    vectors = jnp.concatenate([bottom[:, None], embedded], axis=1)
    products = jnp.einsum("bid,bjd->bij", vectors, vectors)
    count = vectors.shape[1]
    row, column = np.triu_indices(count)
    upper = products.reshape(-1, count * count).at[:, row * count + column]
    return upper.get(indices_are_sorted=True, unique_indices=True, mode="promise_in_bounds")


class Workload(JaxWorkload):
    """Will it be clicked: sigmoid cross entropy, which is the metric too."""

    def build_model(self) -> nn.Module:
        return RecommendationNetwork(**self._features(), **self.spec.model)

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        features = jnp.zeros((1, sum(self._features().values())))
        variables = self.build_model().init({"params": rng}, features, dropout_rate=0.0, train=False)
        return variables["params"], None

    def loss_fn(
        self,
        label_batch: jax.Array,
        logits_batch: jax.Array,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """Sigmoid cross entropy per example (B,). Labels are never smoothed here, as in the benchmark."""
        mask = None if mask_batch is None else mask_batch.ravel()
        return sigmoid_cross_entropy(label_batch.ravel(), logits_batch.ravel(), mask)

    def is_output_params(self, param_key: str) -> bool:
        model = self.spec.model
        return param_key == f"Dense_{len(model['bottom_dims']) + len(model['top_dims']) - 1}"

    def _features(self) -> dict[str, Any]:
        return {name: self.spec.data[name] for name in ("dense_features", "categorical_features")}
