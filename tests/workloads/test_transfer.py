"""Carrying weights from PyTorch to JAX: the derived descriptions are the recorded ones, and they hold for variants."""

from __future__ import annotations

import json

import numpy as np
import pytest

from workloads import registry, transfer
from workloads.errors import TransferError
from workloads.transfer import Leaf


def published_shapes(shared, name):
    record = json.loads((shared / "spec" / "params" / f"{name}.json").read_text())
    torch_shapes = {row["name"]: row["shape"] for row in record["pytorch"]}
    averages = {key: shape for key, shape in record["pytorch_buffers"].items() if ".running_" in key}
    jax_shapes = {row["name"]: row["shape"] for row in record["jax"]}
    return torch_shapes | averages, jax_shapes | record["jax_model_state"]


@pytest.mark.parametrize("name", registry.BASE_NAMES)
def test_the_derived_mapping_is_the_recorded_one(name, shared):
    recorded = json.loads((shared / "data" / "reference_vectors" / "jax_parity" / f"{name}.json").read_text())

    leaves = transfer.derive(name, *published_shapes(shared, name))

    assert set(leaves) == {Leaf.from_json(row) for row in (*recorded["mapping"], *recorded["state_mapping"])}


@pytest.mark.parametrize("name", [name for name in registry.names() if name not in registry.BASE_NAMES])
def test_every_array_of_a_variant_has_a_source_of_its_size(name, shared):
    torch_shapes, jax_shapes = published_shapes(shared, name)
    arrays = {key: np.broadcast_to(np.float32(0), shape) for key, shape in torch_shapes.items()}

    leaves = transfer.derive(registry.get(name).base, torch_shapes, jax_shapes)

    assert len(leaves) == len(jax_shapes)
    for leaf in leaves:
        if "concat rows" not in leaf.operations:  # the table of two gigabytes is only described
            assert list(leaf.value(arrays).shape) == jax_shapes[leaf.jax]


def test_operations_are_done_in_order():
    arrays = {"a": np.arange(6).reshape(3, 2), "b": 10 * np.arange(6).reshape(3, 2)}

    def made(*operations, torch=("a",)):
        return Leaf(jax="x", torch=torch, operations=operations).value(arrays).tolist()

    assert made("rows 1:3", "T") == [[2, 4], [3, 5]]
    assert made("sum", "rows 0:1", torch=("a", "b")) == [[0, 11]]
    assert made("concat rows", "reshape 2,6", torch=("a", "b"))[1] == [0, 10, 20, 30, 40, 50]
    assert made("flip 0", "permute 1,0") == [[4, 2, 0], [5, 3, 1]]
    with pytest.raises(TransferError, match="no operation is called 'twist'"):
        made("twist")


def test_models_that_do_not_match_are_refused():
    shapes = {"node_embedder.weight": (4, 3), "edge_embedder.weight": (4, 3), "decoder.weight": (2, 4)}
    leaves = {"node_embedding/kernel": (3, 4), "edge_embedding/kernel": (3, 4), "Dense_0/kernel": (4, 2)}

    assert len(transfer.derive("ogbg", shapes, leaves)) == 3
    with pytest.raises(TransferError, match=r"the JAX array Dense_9/kernel has no source"):
        transfer.derive("ogbg", shapes, {**leaves, "Dense_9/kernel": (4, 2)})
    with pytest.raises(TransferError, match=r"no JAX array is made of decoder\.bias"):
        transfer.derive("ogbg", {**shapes, "decoder.bias": (2,)}, leaves)
