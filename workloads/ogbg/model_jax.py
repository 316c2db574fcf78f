"""Message passing over graphs with updates of edges, nodes and globals, in JAX.

Source: Battaglia et al. 2018 (arXiv 1806.01261); sizes, initial values, names as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from workloads.api import GraphsTuple
from workloads.jax_base import JaxWorkload, dropout
from workloads.losses.sigmoid_cross_entropy_jax import sigmoid_cross_entropy

_ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "relu": nn.relu,
    "silu": nn.silu,
    "gelu": partial(nn.gelu, approximate=True),
}


class GraphNetwork(nn.Module):
    """A batch of graphs to (graphs, tasks) logits. One flat module, so layers are numbered edge, node, global."""

    node_features: int
    edge_features: int
    tasks: int
    latent_dim: int
    hidden_dims: tuple[int, ...]
    steps: int
    activation: str

    @nn.compact
    def __call__(self, graphs: GraphsTuple, *, dropout_rate: float, train: bool) -> jax.Array:
        receivers, senders = graphs.receivers, graphs.senders
        nodes = nn.Dense(self.latent_dim, name="node_embedding")(graphs.nodes)
        edges = nn.Dense(self.latent_dim, name="edge_embedding")(graphs.edges)
        num_nodes, num_graphs = nodes.shape[0], graphs.n_node.shape[0]
        index = jnp.arange(num_graphs)
        node_graph = jnp.repeat(index, graphs.n_node, total_repeat_length=num_nodes)
        edge_graph = jnp.repeat(index, graphs.n_edge, total_repeat_length=edges.shape[0])
        globals_ = jnp.zeros((num_graphs, self.tasks))
        update = partial(self._update, dropout_rate=dropout_rate, train=train)
        for _ in range(self.steps):
            edges = update([edges, nodes[senders], nodes[receivers], globals_[edge_graph]])
            sent = jax.ops.segment_sum(edges, senders, num_nodes)
            received = jax.ops.segment_sum(edges, receivers, num_nodes)
            nodes = update([nodes, sent, received, globals_[node_graph]])
            node_sums = jax.ops.segment_sum(nodes, node_graph, num_graphs)
            edge_sums = jax.ops.segment_sum(edges, edge_graph, num_graphs)
            globals_ = update([node_sums, edge_sums, globals_])
        return nn.Dense(self.tasks)(globals_)

    def _update(self, parts: list[jax.Array], *, dropout_rate: float, train: bool) -> jax.Array:
        """Dense, layer norm, activation, dropout, once per hidden size."""
        x = jnp.concatenate(parts, axis=-1)
        for outputs in self.hidden_dims:
            x = _ACTIVATIONS[self.activation](nn.LayerNorm()(nn.Dense(outputs)(x)))
            x = dropout(x, dropout_rate, self.make_rng("dropout") if train else None)
        return x


class Workload(JaxWorkload):
    """Many yes-or-no questions about each graph: masked sigmoid cross entropy, mean average precision."""

    default_dropout_rate = 0.1

    def build_model(self) -> nn.Module:
        return GraphNetwork(**self.spec.model)

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        one = jnp.ones(1, jnp.int32)
        graph = GraphsTuple(
            nodes=jnp.zeros((1, self.spec.model["node_features"])),
            edges=jnp.zeros((1, self.spec.model["edge_features"])),
            receivers=0 * one,
            senders=0 * one,
            globals=None,
            n_node=one,
            n_edge=one,
        )
        variables = self.build_model().init({"params": rng}, graph, dropout_rate=0.0, train=False)
        return variables["params"], None

    def loss_fn(
        self,
        label_batch: jax.Array,
        logits_batch: jax.Array,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """Sigmoid cross entropy over (B, tasks). Entries without weight count nothing; an example is an entry."""
        return sigmoid_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        """The decoder is the last numbered layer, three for every hidden size and step before it."""
        return param_key == f"Dense_{3 * len(self.spec.model['hidden_dims']) * self.spec.model['steps']}"
