"""A recommendation network in PyTorch: dense and categorical features, their pairwise products, two perceptrons.

Source: Naumov et al. 2019 (arXiv 1906.00091); sizes, initial values, names as in the benchmark's parameter tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, pairwise

import torch
import torch.nn.functional as F
from torch import nn

from workloads.losses.sigmoid_cross_entropy_torch import sigmoid_cross_entropy
from workloads.torch_base import TorchWorkload

_TABLE_CHUNKS = 4  # the benchmark cuts its one table into parameters of equal size
_LARGEST_EVAL_BATCH = 8_192  # so that an evaluation fits into 16 GB


class Dropout(nn.Module):
    """Dropout at the rate of the pass."""

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        return F.dropout(x, dropout_rate, self.training)


class Layers(nn.ModuleList):
    """Modules in a row, told the dropout rate where they take it."""

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        for layer in self:
            x = layer(x, dropout_rate) if isinstance(layer, Dropout | Layers | Residual) else layer(x)
        return x


class Residual(nn.Module):
    """Layers with a shortcut around them, or without."""

    def __init__(self, layers: Sequence[nn.Module], *, shortcut: bool) -> None:
        super().__init__()
        self.module = Layers(layers)
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        y = self.module(x, dropout_rate)
        return y + x if self.shortcut else y


def hidden_layers(inputs: int, dims: Sequence[int], *, layer_norm: bool) -> list[list[nn.Module]]:
    """Linear, ReLU and, where asked, layer norm, once per size."""
    norms = [[nn.LayerNorm(outputs, eps=1e-6)] if layer_norm else [] for outputs in dims]
    return [[nn.Linear(*sizes), nn.ReLU(), *norm] for sizes, norm in zip(pairwise([inputs, *dims]), norms, strict=True)]


def with_shortcuts(groups: Sequence[Sequence[nn.Module]], end: int) -> Layers:
    """Groups of layers in a row, with shortcuts around those after the first and before `end`."""
    return Layers(Residual(layers, shortcut=0 < number < end) for number, layers in enumerate(groups))


class RecommendationNetwork(nn.Module):
    """(B, dense + categorical) features to (B, 1) logits."""

    def __init__(
        self,
        *,
        dense_features: int,
        categorical_features: int,
        table_rows: int,
        embedding_dim: int,
        bottom_dims: tuple[int, ...],
        top_dims: tuple[int, ...],
        layer_norm: bool,
        residual: bool,
        embedding_init: float | None,
    ) -> None:
        super().__init__()
        self.dense_features, self.table_rows, self.residual = dense_features, table_rows, residual
        for chunk in range(_TABLE_CHUNKS):
            rows = nn.Parameter(torch.empty(table_rows // _TABLE_CHUNKS, embedding_dim))
            nn.init.uniform_(rows, 0.0, table_rows**-0.5 if embedding_init is None else embedding_init)
            self.register_parameter(f"embedding_chunk_{chunk}", rows)
        vectors = categorical_features + 1
        interactions = categorical_features * embedding_dim if residual else vectors * (vectors + 1) // 2
        bottom = hidden_layers(dense_features, bottom_dims, layer_norm=layer_norm)
        top = hidden_layers(bottom_dims[-1] + interactions, top_dims[:-1], layer_norm=layer_norm)
        top[-1].append(Dropout())
        top.append([nn.Linear(top_dims[-2], top_dims[-1])])
        if residual:
            self.bot_mlp, self.top_mlp = with_shortcuts(bottom, len(bottom)), with_shortcuts(top, len(top) - 1)
        else:
            self.bot_mlp, self.top_mlp = Layers(chain(*bottom)), Layers(chain(*top))
        self.embed_ln = nn.LayerNorm(embedding_dim, eps=1e-6) if layer_norm else None
        self._initialise()

    def forward(self, inputs: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        table = torch.cat([getattr(self, f"embedding_chunk_{chunk}") for chunk in range(_TABLE_CHUNKS)])
        # Ids come as floats. Those of dense features may be rounded to bfloat16 with the weights, ids may not.
        bottom = self.bot_mlp(inputs[:, : self.dense_features].to(table.dtype), dropout_rate)  # (B, width)
        ids = inputs[:, self.dense_features :].long() % self.table_rows
        embedded = F.embedding(ids, table)  # (B, categorical, width)
        if self.embed_ln is not None:
            embedded = self.embed_ln(embedded)
        pairs = embedded.flatten(1) if self.residual else upper_products(bottom, embedded)
        return self.top_mlp(torch.cat([bottom, pairs], dim=1), dropout_rate)

    def _initialise(self) -> None:
        for mlp, weight_init in ((self.bot_mlp, nn.init.xavier_uniform_), (self.top_mlp, nn.init.xavier_normal_)):
            for module in mlp.modules():
                if isinstance(module, nn.Linear):
                    weight_init(module.weight)
                    nn.init.normal_(module.bias, std=module.out_features**-0.5)


def upper_products(bottom: torch.Tensor, embedded: torch.Tensor) -> torch.Tensor:
    """Dot products of all pairs of the vectors (B, 1 + n, width), each with itself too, row by row: (B, pairs)."""
    vectors = torch.cat([bottom[:, None], embedded], dim=1)
    count = vectors.shape[1]
    row, column = torch.triu_indices(count, count, device=vectors.device)
    products = torch.bmm(vectors, vectors.mT)  # (B, 1 + n, 1 + n)
    return products.flatten(1).index_select(1, row * count + column)


class Workload(TorchWorkload):
    """Will it be clicked: sigmoid cross entropy, which is the metric too."""

    @property
    def eval_batch_size(self) -> int:
        """Smaller than in JAX, as in the benchmark."""
        return min(_LARGEST_EVAL_BATCH, self.spec.eval_batch_size)

    @property
    def num_eval_train_examples(self) -> int:
        """Where batches are smaller than in JAX: as many as for validation, rounded up to whole batches."""
        if self.eval_batch_size == self.spec.eval_batch_size:
            return self.spec.num_eval_train_examples
        return math.ceil(self.num_validation_examples / self.eval_batch_size) * self.eval_batch_size

    def build_model(self) -> nn.Module:
        data = self.spec.data
        features = {name: data[name] for name in ("dense_features", "categorical_features")}
        return RecommendationNetwork(**features, **self.spec.model)

    def forward(self, model: nn.Module, inputs: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        return model(inputs, dropout_rate)

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Sigmoid cross entropy per example (B,). Labels are never smoothed here, as in the benchmark."""
        mask = None if mask_batch is None else mask_batch.flatten()
        return sigmoid_cross_entropy(label_batch.flatten(), logits_batch.flatten(), mask)

    def is_output_params(self, param_key: str) -> bool:
        """True for the last layer of the top perceptron. The benchmark marks its third by mistake."""
        hidden, model = len(self.spec.model["top_dims"]) - 1, self.spec.model
        plain = hidden * (3 if model["layer_norm"] else 2) + 1  # behind the dropout
        last = f"top_mlp.{hidden}.module.0" if model["residual"] else f"top_mlp.{plain}"
        return param_key in (f"{last}.weight", f"{last}.bias")
