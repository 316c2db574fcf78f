from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from tests.workloads.reference_vectors import integers, numbers
from workloads import registry
from workloads.api import GraphsTuple
from workloads.datasets import molpcba

SPEC = registry.get("ogbg")


def write_split(directory, graphs):
    """Graphs are (nodes, edges, senders, receivers, labels); labels may hold NaN for unknown."""
    arrays = {
        "n_node": np.array([len(nodes) for nodes, *_ in graphs], np.uint8),
        "n_edge": np.array([len(edges) for _, edges, *_ in graphs], np.uint8),
        "nodes": np.concatenate([graph[0] for graph in graphs]).astype(np.uint8),
        "edges": np.concatenate([graph[1] for graph in graphs]).astype(np.uint8),
        "senders": np.concatenate([graph[2] for graph in graphs]).astype(np.uint8),
        "receivers": np.concatenate([graph[3] for graph in graphs]).astype(np.uint8),
        "labels": np.nan_to_num(np.array([graph[4] for graph in graphs]), nan=-1).astype(np.int8),
    }
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array)
    return directory


def random_graphs(count, seed=0):
    """Connected enough for shapes to matter; the first node feature is the number of the graph."""
    random = np.random.default_rng(seed)
    graphs = []
    for number in range(count):
        nodes, bonds = int(random.integers(1, 40)), int(random.integers(0, 45))
        ends = random.integers(0, nodes, (bonds, 2))
        graphs.append(
            (
                np.column_stack([np.full(nodes, number), random.integers(0, 9, (nodes, 8))]),
                np.tile(random.integers(0, 4, (bonds, 3)), (2, 1)),
                np.concatenate([ends[:, 0], ends[:, 1]]),
                np.concatenate([ends[:, 1], ends[:, 0]]),
                random.integers(0, 2, 5),
            )
        )
    return graphs


def numbers_of_graphs(batch):
    """Which graphs a batch holds, by their first node feature."""
    graphs = batch["inputs"]
    real = (batch["weights"].sum(axis=1) > 0).sum()
    starts = np.cumsum(graphs.n_node) - graphs.n_node
    return graphs.nodes[starts[:real], 0].astype(int).tolist()


def test_batches_are_the_reference_ones_array_by_array(shared, tmp_path):
    folder = shared / "data" / "reference_vectors" / "pipelines"
    record = json.loads((folder / "ogbg_batching.json").read_text())
    stored = np.load(folder / "ogbg_batching.npz")
    graphs = []
    for number, size in enumerate(record["graphs"]):
        nodes, bonds = size["nodes"], size["bonds"]
        first = integers(f"ogbg_pipe/s{number}", bonds, 0, nodes)
        second = integers(f"ogbg_pipe/t{number}", bonds, 0, nodes)
        labels = (numbers(f"ogbg_pipe/l{number}", 128) > 0.5).astype(float)
        labels[numbers(f"ogbg_pipe/m{number}", 128) > 0.3] = np.nan
        graphs.append(
            (
                integers(f"ogbg_pipe/n{number}", 9 * nodes, 0, 9).reshape(nodes, 9),
                np.tile(integers(f"ogbg_pipe/e{number}", 3 * bonds, 0, 4).reshape(bonds, 3), (2, 1)),
                np.concatenate([first, second]),
                np.concatenate([second, first]),
                labels,
            )
        )

    batches = list(molpcba.eval_batches(write_split(tmp_path, graphs), SPEC, 3))

    assert len(batches) == 3
    for position, batch in enumerate(batches):
        arrays = {**batch["inputs"]._asdict(), "targets": batch["targets"], "weights": batch["weights"]}
        for name in ("nodes", "edges", "senders", "receivers", "n_node", "n_edge", "targets", "weights"):
            np.testing.assert_array_equal(arrays[name], stored[f"gb3_b{position}_{name}"], err_msg=name)


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_evaluation_covers_every_graph_once_in_order_however_many_devices_share_a_batch(tmp_path, devices):
    write_split(tmp_path, random_graphs(50))

    batches = list(molpcba.eval_batches(tmp_path, SPEC, 16 // devices))

    assert [number for batch in batches for number in numbers_of_graphs(batch)] == list(range(50))


def test_an_epoch_shows_every_graph_once(tmp_path):
    write_split(tmp_path, random_graphs(50))
    batches = itertools.islice(molpcba.train_batches(tmp_path, SPEC, 8, seed=3), 60)

    order = [number for batch in batches for number in numbers_of_graphs(batch)]

    assert sorted(order[:50]) == sorted(order[50:100]) == list(range(50))
    assert order[:50] != order[50:100]


@pytest.mark.parametrize("batch_size", [1, 7, 16])
def test_every_batch_has_one_shape_and_stays_within_its_room(tmp_path, batch_size):
    graphs = random_graphs(40)
    write_split(tmp_path, graphs)
    room = max(26 * batch_size, *(len(nodes) for nodes, *_ in graphs))

    batches = list(itertools.islice(molpcba.train_batches(tmp_path, SPEC, batch_size, seed=0), 30))

    shapes = {tuple((key, np.shape(value)) for key, value in batch["inputs"]._asdict().items()) for batch in batches}
    assert len(shapes) == 1
    for batch in batches:
        inputs = batch["inputs"]
        assert isinstance(inputs, GraphsTuple)
        assert len(inputs.nodes) == room + 1
        assert len(inputs.n_node) == len(inputs.globals) == len(batch["targets"]) == batch_size + 1
        assert inputs.n_node.sum() == len(inputs.nodes)
        assert inputs.n_edge.sum() == len(inputs.edges)
        assert batch["weights"][-1].sum() == 0


def test_edges_stay_inside_their_graph_and_padding_edges_outside_of_all(tmp_path):
    write_split(tmp_path, random_graphs(30))

    for batch in molpcba.eval_batches(tmp_path, SPEC, 8):
        inputs = batch["inputs"]
        node_graph = np.repeat(np.arange(len(inputs.n_node)), inputs.n_node)
        edge_graph = np.repeat(np.arange(len(inputs.n_edge)), inputs.n_edge)
        assert (node_graph[inputs.senders] == edge_graph).all()
        assert (node_graph[inputs.receivers] == edge_graph).all()


def test_unknown_labels_become_zero_with_weight_zero(tmp_path):
    graph = random_graphs(1)[0]
    write_split(tmp_path, [(*graph[:4], np.array([1.0, 0.0, np.nan]))])

    (batch,) = molpcba.eval_batches(tmp_path, SPEC, 2)

    assert batch["targets"][0].tolist() == [1, 0, 0]
    assert batch["weights"].tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_training_batches_depend_on_the_seed_alone(tmp_path):
    write_split(tmp_path, random_graphs(50))

    def first(seed):
        return numbers_of_graphs(next(molpcba.train_batches(tmp_path, SPEC, 8, seed)))

    assert first(1) == first(1)
    assert first(1) != first(2)
