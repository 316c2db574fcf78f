"""What a submission reads from a workload, the same in both frameworks."""

from __future__ import annotations

import inspect
import json

import jax
import numpy as np
import pytest
import torch

from workloads import editions, registry
from workloads.api import GraphsTuple, LossType, ParameterType, ShapeTuple
from workloads.base import parameter_type
from workloads.spec import Framework

MINI = editions.load("mini")
RESNET, GNN = MINI.workload("imagenet_resnet"), MINI.workload("ogbg")


@pytest.mark.parametrize("framework", Framework)
@pytest.mark.parametrize("spec", MINI.workloads, ids=lambda spec: spec.name)
def test_numbers_of_the_spec_are_readable_under_the_benchmarks_names(spec, framework):
    workload = registry.load(spec, framework)(spec)

    assert workload.loss_type is LossType[spec.loss_type]
    assert workload.target_metric_name == spec.metric.name
    assert workload.validation_target_value == spec.target.validation
    assert workload.test_target_value == spec.target.test
    assert workload.max_allowed_runtime_sec == spec.max_runtime_s
    assert workload.eval_period_time_sec == int(spec.eval_period_s)
    assert workload.eval_batch_size == spec.eval_batch_size
    assert workload.num_train_examples == spec.num_train_examples
    assert workload.num_eval_train_examples == spec.num_eval_train_examples
    assert workload.num_validation_examples == spec.num_validation_examples
    assert workload.num_test_examples == spec.num_test_examples
    assert workload.metrics_logger is None
    assert hash(workload) != hash(registry.load(spec, framework)(spec))  # JAX compiles once per workload object


def test_a_target_is_reached_at_its_value_and_never_by_nan():
    workload = registry.load(RESNET, "pytorch")(RESNET)
    target = RESNET.target.validation

    assert workload.has_reached_validation_target({"validation/accuracy": target})
    assert not workload.has_reached_validation_target({"validation/accuracy": target - 1e-6})
    assert not workload.has_reached_validation_target({"validation/accuracy": float("nan")})
    assert not workload.has_reached_validation_target({})
    assert workload.has_reached_test_target({"test/accuracy": RESNET.target.test})


def test_only_image_workloads_have_image_statistics():
    assert registry.load(RESNET, "jax")(RESNET).train_mean == RESNET.data["mean"]
    with pytest.raises(NotImplementedError, match="no stddev of training images"):
        _ = registry.load(GNN, "jax")(GNN).train_stddev


@pytest.mark.parametrize("framework", Framework)
def test_parameter_tables_are_known_once_the_model_is(framework):
    workload = registry.load(GNN, framework)(GNN)
    with pytest.raises(ValueError, match="known after init_model_fn"):
        _ = workload.param_shapes

    params, state = workload.init_model_fn(0)

    assert state is None
    shapes, types = workload.param_shapes, workload.model_params_types
    if framework == Framework.JAX:
        assert jax.tree.all(jax.tree.map(lambda leaf, shape: leaf.shape == shape.shape_tuple, params, shapes))
        assert types["node_embedding"]["kernel"] is ParameterType.EMBEDDING
    else:
        assert shapes["decoder.weight"] == ShapeTuple((GNN.model["tasks"], GNN.model["latent_dim"]))
        assert types["graph_network.0.update_edge_fn.norm_0.weight"] is ParameterType.LAYER_NORM_SCALE
        assert set(shapes) == set(types) == dict(params.named_parameters()).keys()


@pytest.mark.parametrize("framework", Framework)
def test_output_activations_follow_the_loss_type(framework):
    workload = registry.load(RESNET, framework)(RESNET)
    logits = (torch.tensor if framework == Framework.PYTORCH else jax.numpy.asarray)([[0.0, 0.0]])

    assert np.asarray(workload.output_activation_fn(logits, str(framework))).tolist() == [[0.5, 0.5]]
    with pytest.raises(ValueError, match="framework is"):
        workload.output_activation_fn(logits, "tensorflow")


def test_pytorch_gets_images_channels_first_without_copying_them():
    images = np.arange(2 * 3 * 5 * 1, dtype=np.float32).reshape(2, 3, 5, 1)
    workload = registry.load(RESNET, "pytorch")(RESNET)

    batch = workload.to_device({"inputs": images, "targets": np.array([1, 2], np.int32)})

    assert batch["inputs"].shape == (2, 1, 3, 5)
    assert batch["inputs"].is_contiguous(memory_format=torch.channels_last)
    assert batch["inputs"].data_ptr() == images.ctypes.data
    assert batch["targets"].dtype == torch.int64


@pytest.mark.parametrize("framework", Framework)
def test_graphs_stay_graphs_on_the_device(framework):
    graphs = GraphsTuple(
        nodes=np.zeros((3, 9), np.float32),
        edges=np.zeros((2, 3), np.float32),
        receivers=np.array([0, 1], np.int32),
        senders=np.array([1, 0], np.int32),
        globals=np.zeros((2, 4), np.float32),
        n_node=np.array([2, 1], np.int32),
        n_edge=np.array([2, 0], np.int32),
    )
    workload = registry.load(GNN, framework)(GNN)

    batch = workload.to_device({"inputs": graphs})

    assert isinstance(batch["inputs"], GraphsTuple)
    assert [np.asarray(field).tolist() for field in batch["inputs"]] == [field.tolist() for field in graphs]


@pytest.mark.parametrize("framework", Framework)
def test_pairs_of_arrays_stay_pairs_on_the_device(framework):
    workload = registry.load(GNN, framework)(GNN)
    audio, paddings = np.ones((2, 5), np.float32), np.zeros((2, 5), np.float32)

    batch = workload.to_device({"inputs": (audio, paddings)})

    assert [np.asarray(part).tolist() for part in batch["inputs"]] == [audio.tolist(), paddings.tolist()]


def test_parameters_are_of_the_published_kinds(shared):
    """Every name of every published table, variants and small workloads included."""
    for path in sorted((shared / "spec" / "params").glob("*.json")):
        table = json.loads(path.read_text())
        for framework, separator in (("pytorch", "."), ("jax", "/")):
            for record in table[framework]:
                parent, _, own = record["name"].lower().rpartition(separator)
                assert parameter_type(parent, own).name == record["kind"], (path.stem, record["name"])


@pytest.mark.parametrize("name", registry.BASE_NAMES)
def test_forward_passes_in_jax_take_both_options_of_the_interface_by_name(name):
    """Submissions pass them whatever the model; where there is no batch norm or no dropout, they change nothing."""
    options = inspect.signature(registry.load(registry.get(name), "jax").model_fn).parameters
    assert options["use_running_average_bn"].default is None
    assert options["dropout_rate"].default is None
