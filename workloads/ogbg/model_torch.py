"""Message passing over graphs with updates of edges, nodes and globals, in PyTorch.

Source: Battaglia et al. 2018 (arXiv 1806.01261); sizes, initial values, names as in the benchmark's parameter tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from workloads.api import GraphsTuple
from workloads.losses.sigmoid_cross_entropy_torch import sigmoid_cross_entropy
from workloads.torch_base import TorchWorkload, lecun_normal_

_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu,
    "silu": F.silu,
    "gelu": partial(F.gelu, approximate="tanh"),
}


class Update(nn.Module):
    """Linear, layer norm, activation, dropout, once per hidden size."""

    def __init__(self, inputs: int, hidden_dims: tuple[int, ...], activation: str) -> None:
        super().__init__()
        for layer, outputs in enumerate(hidden_dims):
            self.add_module(f"dense_{layer}", nn.Linear(inputs, outputs))
            self.add_module(f"norm_{layer}", nn.LayerNorm(outputs, eps=1e-6))
            inputs = outputs
        self.layers = len(hidden_dims)
        self.activation = _ACTIVATIONS[activation]

    def forward(self, x: torch.Tensor, dropout_rate: float) -> torch.Tensor:
        for layer in range(self.layers):
            x = getattr(self, f"norm_{layer}")(getattr(self, f"dense_{layer}")(x))
            x = F.dropout(self.activation(x), dropout_rate, training=self.training)
        return x


class MessagePassing(nn.Module):
    """One step: edges see their ends, nodes their edges, globals everything; all sums."""

    def __init__(self, edge: int, node: int, globals_: int, hidden_dims: tuple[int, ...], activation: str) -> None:
        super().__init__()
        hidden = hidden_dims[-1]
        self.update_edge_fn = Update(edge + 2 * node + globals_, hidden_dims, activation)
        self.update_node_fn = Update(node + 2 * hidden + globals_, hidden_dims, activation)
        self.update_global_fn = Update(2 * hidden + globals_, hidden_dims, activation)

    def forward(
        self, graphs: GraphsTuple, node_graph: torch.Tensor, edge_graph: torch.Tensor, dropout_rate: float
    ) -> GraphsTuple:
        """`node_graph` (num_nodes,) and `edge_graph` (num_edges,) say which graph each node and edge belongs to."""
        nodes, edges, receivers, senders, globals_, *_ = graphs
        num_nodes, num_graphs = nodes.shape[0], globals_.shape[0]
        edges = torch.cat([edges, nodes[senders], nodes[receivers], globals_[edge_graph]], dim=-1)
        edges = self.update_edge_fn(edges, dropout_rate)
        sent, received = segment_sum(edges, senders, num_nodes), segment_sum(edges, receivers, num_nodes)
        nodes = torch.cat([nodes, sent, received, globals_[node_graph]], dim=-1)
        nodes = self.update_node_fn(nodes, dropout_rate)
        node_sums = segment_sum(nodes, node_graph, num_graphs)
        edge_sums = segment_sum(edges, edge_graph, num_graphs)
        globals_ = self.update_global_fn(torch.cat([node_sums, edge_sums, globals_], dim=-1), dropout_rate)
        return graphs._replace(nodes=nodes, edges=edges, globals=globals_)


class GraphNetwork(nn.Module):
    """A batch of graphs to (graphs, tasks) logits."""

    def __init__(
        self,
        *,
        node_features: int,
        edge_features: int,
        tasks: int,
        latent_dim: int,
        hidden_dims: tuple[int, ...],
        steps: int,
        activation: str,
    ) -> None:
        super().__init__()
        self.tasks = tasks
        self.node_embedder = nn.Linear(node_features, latent_dim)
        self.edge_embedder = nn.Linear(edge_features, latent_dim)
        hidden = hidden_dims[-1]
        first = MessagePassing(latent_dim, latent_dim, tasks, hidden_dims, activation)
        rest = (MessagePassing(hidden, hidden, hidden, hidden_dims, activation) for _ in range(steps - 1))
        self.graph_network = nn.ModuleList([first, *rest])
        self.decoder = nn.Linear(hidden, tasks)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                lecun_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, graphs: GraphsTuple, dropout_rate: float) -> torch.Tensor:
        nodes = self.node_embedder(graphs.nodes)
        edges = self.edge_embedder(graphs.edges)
        num_graphs = graphs.n_node.shape[0]
        index = torch.arange(num_graphs, device=nodes.device)
        node_graph = index.repeat_interleave(graphs.n_node, output_size=nodes.shape[0])
        edge_graph = index.repeat_interleave(graphs.n_edge, output_size=edges.shape[0])
        graphs = graphs._replace(nodes=nodes, edges=edges, globals=nodes.new_zeros(num_graphs, self.tasks))
        for step in self.graph_network:
            graphs = step(graphs, node_graph, edge_graph, dropout_rate)
        return self.decoder(graphs.globals)


class Workload(TorchWorkload):
    """Many yes-or-no questions about each graph: masked sigmoid cross entropy, mean average precision."""

    default_dropout_rate = 0.1

    def build_model(self) -> nn.Module:
        return GraphNetwork(**self.spec.model)

    def forward(self, model: nn.Module, inputs: GraphsTuple, dropout_rate: float) -> torch.Tensor:
        return model(inputs, dropout_rate)

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """Sigmoid cross entropy over (B, tasks). Entries without weight count nothing; an example is an entry."""
        return sigmoid_cross_entropy(label_batch, logits_batch, mask_batch, label_smoothing)

    def is_output_params(self, param_key: str) -> bool:
        return param_key in ("decoder.weight", "decoder.bias")


def segment_sum(values: torch.Tensor, segments: torch.Tensor, num_segments: int) -> torch.Tensor:
    """Sums rows of `values` (n, features) that share a segment number: (num_segments, features)."""
    return values.new_zeros(num_segments, values.shape[1]).index_add(0, segments, values)
