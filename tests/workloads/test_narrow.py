"""The narrow edition keeps what a variant is about; its made-up batches look like real ones."""

from __future__ import annotations

import numpy as np
import pytest

from workloads import registry, synthetic
from workloads.api import GraphsTuple
from workloads.narrow import narrow

SPECS = [registry.get(name) for name in registry.names()]


def differences(one, other):
    """The keys in which the models of two specs differ."""
    return {key for key in one.model if one.model[key] != other.model[key]}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_narrow_variant_differs_from_its_narrow_base_in_the_same_switches(spec):
    base = registry.get(spec.base)
    assert differences(narrow(spec), narrow(base)) == differences(spec, base)
    assert narrow(spec).model.keys() == spec.model.keys()
    assert narrow(spec).data.keys() == spec.data.keys()
    assert narrow(spec).name == spec.name


def described(batch):
    """Shape and type of every array of a batch, graphs and pairs as lists."""
    return {
        key: [described_array(part) for part in value] if isinstance(value, tuple) else described_array(value)
        for key, value in batch.items()
    }


def described_array(array):
    return f"{array.dtype}{list(array.shape)}"


TRAINING = {
    "criteo1tb": {"inputs": "float32[4, 39]", "targets": "float32[4, 1]"},
    "fastmri": {
        "inputs": "float32[4, 32, 32]",
        "targets": "float32[4, 32, 32]",
        "mean": "float32[4]",
        "std": "float32[4]",
        "volume_max": "float32[4]",
    },
    "imagenet_resnet": {"inputs": "float32[4, 32, 32, 3]", "targets": "int32[4]"},
    "imagenet_vit": {"inputs": "float32[4, 32, 32, 3]", "targets": "float32[4, 10]"},
    "librispeech_conformer": {"inputs": ["float32[4, 16000]"] * 2, "targets": ["float32[4, 8]"] * 2},
    "librispeech_deepspeech": {"inputs": ["float32[4, 16000]"] * 2, "targets": ["float32[4, 8]"] * 2},
    "ogbg": {
        "inputs": [
            "float32[105, 9]",
            "float32[224, 3]",
            "int32[224]",
            "int32[224]",
            "float32[5, 8]",
            "int32[5]",
            "int32[5]",
        ],
        "targets": "float32[5, 8]",
        "weights": "float32[5, 8]",
    },
    "wmt": dict.fromkeys(
        (
            "inputs",
            "inputs_position",
            "inputs_segmentation",
            "targets",
            "targets_position",
            "targets_segmentation",
            "weights",
        ),
        "int32[4, 16]",
    ),
}


@pytest.mark.parametrize("base", TRAINING)
def test_training_batches_have_the_layout_of_their_dataset(base):
    batch = next(synthetic.train_batches(narrow(registry.get(base)), 4, 1))
    assert described(batch) == TRAINING[base]


@pytest.mark.parametrize("base", TRAINING)
def test_evaluation_batches_weigh_every_example_once(base):
    batches = list(synthetic.eval_batches(narrow(registry.get(base)), 4, 10, 1))
    assert len(batches) == 3
    rows = [batch["weights"].reshape(len(batch["weights"]), -1).any(axis=1).sum() for batch in batches]
    assert rows == [4, 4, 2]


def test_padding_of_made_up_graphs_belongs_to_the_last_graph():
    batch = next(synthetic.train_batches(narrow(registry.get("ogbg")), 4, 1))
    graphs: GraphsTuple = batch["inputs"]

    assert graphs.n_node.sum() == len(graphs.nodes)
    assert graphs.n_edge.sum() == len(graphs.edges)
    assert not batch["weights"][-1].any()
    graph_of_node = np.repeat(np.arange(len(graphs.n_node)), graphs.n_node)
    graph_of_edge = np.repeat(np.arange(len(graphs.n_edge)), graphs.n_edge)
    assert (graph_of_node[graphs.senders] == graph_of_edge).all()
    assert (graph_of_node[graphs.receivers] == graph_of_edge).all()


def test_packed_sentences_start_their_positions_again():
    batch = next(synthetic.train_batches(narrow(registry.get("wmt")), 4, 1))
    for side in ("inputs", "targets"):
        positions, segments = batch[f"{side}_position"], batch[f"{side}_segmentation"]
        assert set(np.unique(segments)) <= {0, 1, 2}
        for row in range(4):
            for segment in (1, 2):
                inside = positions[row][segments[row] == segment]
                assert inside.tolist() == list(range(len(inside)))
                assert len(inside) > 1
        assert ((batch[side] > 0) == (segments > 0)).all()


def test_one_seed_gives_the_same_batches_everywhere():
    spec = narrow(registry.get("librispeech_conformer"))
    first, second = (next(synthetic.train_batches(spec, 2, 5)) for _ in range(2))
    assert (first["inputs"][0] == second["inputs"][0]).all()
    assert (first["targets"][0] != next(synthetic.train_batches(spec, 2, 6))["targets"][0]).any()
