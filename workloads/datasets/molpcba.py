"""Molecules as graphs with many yes-or-no labels.

A split is a folder of arrays: `n_node.npy`, `n_edge.npy` (graphs,), `nodes.npy` (all nodes, 9), `edges.npy` (all edges,
3), `senders.npy`, `receivers.npy` (all edges,) counted within their graph, and `labels.npy` (graphs, tasks): 0, 1 or -1
for unknown. Every bond is two edges, one per direction.

Batches have one shape whatever the graphs are: graphs are added in order until one more would exceed the room for
graphs, nodes or edges, and the rest is filled with graphs of weight 0. Source: AlgoPerf workloads, "Dynamic batching".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.api import GraphsTuple
from workloads.batching import endless_permutations, generator, read_array
from workloads.spec import Workload


def train_batches(directory: Path, spec: Workload, batch_size: int, seed: int) -> Iterator[dict[str, Any]]:
    """Endless shuffled batches of up to `batch_size` graphs from the directory of the training split.

    Yields:
        inputs, a `GraphsTuple` of `batch_size + 1` graphs; targets and weights (batch_size + 1, tasks) float32.
    """
    graphs = _Graphs.load(directory)
    orders = endless_permutations(len(graphs.n_node), generator(seed))
    yield from _batches(graphs, _Room.for_graphs(graphs, spec, batch_size), orders)


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[dict[str, Any]]:
    """Every graph of a split once, in order; the graphs that pad a batch have weight 0."""
    graphs = _Graphs.load(directory)
    yield from _batches(graphs, _Room.for_graphs(graphs, spec, batch_size), [np.arange(len(graphs.n_node))])


@dataclass(frozen=True, kw_only=True)
class _Graphs:
    """A whole split in memory, and where each graph starts in it."""

    n_node: np.ndarray
    n_edge: np.ndarray
    nodes: np.ndarray
    edges: np.ndarray
    senders: np.ndarray
    receivers: np.ndarray
    labels: np.ndarray
    first_node: np.ndarray
    first_edge: np.ndarray

    @classmethod
    def load(cls, directory: Path) -> _Graphs:
        names = ("n_node", "n_edge", "nodes", "edges", "senders", "receivers", "labels")
        arrays = {name: read_array(directory / f"{name}.npy") for name in names}
        for name in ("n_node", "n_edge", "senders", "receivers"):
            arrays[name] = arrays[name].astype(np.int32)
        first_node = np.cumsum(arrays["n_node"]) - arrays["n_node"]
        first_edge = np.cumsum(arrays["n_edge"]) - arrays["n_edge"]
        return cls(**arrays, first_node=first_node, first_edge=first_edge)


@dataclass(frozen=True, kw_only=True)
class _Room:
    """How much one batch holds besides its first padding graph."""

    graphs: int
    nodes: int
    edges: int

    @classmethod
    def for_graphs(cls, graphs: _Graphs, spec: Workload, batch_size: int) -> _Room:
        """The benchmark's room per graph, but never less than the largest graph needs on its own."""
        return cls(
            graphs=batch_size,
            nodes=max(spec.data["nodes_per_graph"] * batch_size, int(graphs.n_node.max())),
            edges=max(spec.data["edges_per_graph"] * batch_size, int(graphs.n_edge.max())),
        )


def _batches(graphs: _Graphs, room: _Room, orders: Iterable[np.ndarray]) -> Iterator[dict[str, Any]]:
    """Cuts the concatenated orders into batches; what is left of an order starts the next one's first batch."""
    pending = np.empty(0, np.int64)
    for order in orders:
        pending = np.concatenate([pending, order])
        while len(pending) > room.graphs:
            fitting = _num_fitting(graphs, room, pending)
            yield _assemble(graphs, room, pending[:fitting])
            pending = pending[fitting:]
    while len(pending):
        fitting = _num_fitting(graphs, room, pending)
        yield _assemble(graphs, room, pending[:fitting])
        pending = pending[fitting:]


def _num_fitting(graphs: _Graphs, room: _Room, order: np.ndarray) -> int:
    """How many graphs at the head of `order` fit into one batch."""
    head = order[: room.graphs]
    nodes, edges = np.cumsum(graphs.n_node[head]), np.cumsum(graphs.n_edge[head])
    return int(np.count_nonzero((nodes <= room.nodes) & (edges <= room.edges)))


def _assemble(graphs: _Graphs, room: _Room, chosen: np.ndarray) -> dict[str, Any]:
    """One batch. Padding nodes and edges belong to the first padding graph; padding edges end at its first node."""
    n_node, n_edge = graphs.n_node[chosen], graphs.n_edge[chosen]
    node_rows = _ranges(graphs.first_node[chosen], n_node)
    edge_rows = _ranges(graphs.first_edge[chosen], n_edge)
    offsets = np.repeat(np.cumsum(n_node) - n_node, n_edge).astype(np.int32)
    total_nodes, total_graphs = room.nodes + 1, room.graphs + 1
    labels = graphs.labels[chosen]
    inputs = GraphsTuple(
        nodes=_fill(graphs.nodes[node_rows].astype(np.float32), total_nodes, 0),
        edges=_fill(graphs.edges[edge_rows].astype(np.float32), room.edges, 0),
        receivers=_fill(graphs.receivers[edge_rows] + offsets, room.edges, len(node_rows)),
        senders=_fill(graphs.senders[edge_rows] + offsets, room.edges, len(node_rows)),
        globals=np.zeros((total_graphs, labels.shape[1]), np.float32),
        n_node=_count(n_node, total_graphs, total_nodes),
        n_edge=_count(n_edge, total_graphs, room.edges),
    )
    known = labels >= 0
    return {
        "inputs": inputs,
        "targets": _fill(np.where(known, labels, 0).astype(np.float32), total_graphs, 0),
        "weights": _fill(known.astype(np.float32), total_graphs, 0),
    }


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The concatenation of `arange(start, start + length)` over all graphs."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)


def _fill(array: np.ndarray, length: int, value: int) -> np.ndarray:
    """Extends the first axis to `length` with a constant."""
    filled = np.full((length, *array.shape[1:]), value, array.dtype)
    filled[: len(array)] = array
    return filled


def _count(counts: np.ndarray, graphs: int, total: int) -> np.ndarray:
    """Counts per graph, the first padding graph taking everything that is left of `total`."""
    filled = _fill(counts, graphs, 0)
    filled[len(counts)] = total - counts.sum()
    return filled
