"""The residual network against the benchmark's golden numbers, and the two frameworks against each other."""

from __future__ import annotations

import dataclasses
import json

import jax
import numpy as np
import pytest
import torch

from tests.workloads.reference_vectors import arrays, jax_tree, numbers
from workloads import editions, registry
from workloads.api import ForwardPassMode

SPEC = registry.get("imagenet_resnet")
MINI = editions.load("mini").workload("imagenet_resnet")


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "data" / "reference_vectors" / "models"
    record = json.loads((folder / "imagenet_resnet.json").read_text())
    return record, dict(np.load(folder / "imagenet_resnet.npz"))


def golden_images():
    """(4, 3, 224, 224), channels first."""
    return (1.75 * numbers("imagenet/inputs", 602_112)).astype(np.float32).reshape(4, 3, 224, 224)


def golden_model(record, dtype):
    workload = registry.load(SPEC, "pytorch")(SPEC)
    model = workload.build_model()
    values = arrays(record["params"]) | arrays(record["buffers"])
    missing, unexpected = model.load_state_dict(
        {name: torch.from_numpy(value) for name, value in values.items()}, strict=False
    )
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return workload, model.to(dtype)


def test_pytorch_evaluation_is_the_reference_one(golden):
    record, stored = golden
    workload, model = golden_model(record, torch.float32)
    batch = {"inputs": torch.from_numpy(golden_images())}

    logits, _ = workload.model_fn(model, batch, None, ForwardPassMode.EVAL, None, update_batch_norm=False)

    np.testing.assert_allclose(logits.numpy(), stored["eval"], atol=5e-5, rtol=0)
    targets, weights = (torch.from_numpy(stored[f"input/{name}"]) for name in ("targets", "weights"))
    for smoothing in ("0", "0.1"):
        for mask, suffix in ((None, ""), (weights, "_masked")):
            loss = workload.loss_fn(targets, logits, mask, float(smoothing))
            expected = record["losses"][f"eval/ls{smoothing}{suffix}"]
            assert loss["summed"].item() == pytest.approx(expected["summed"], rel=2e-6)
            assert loss["n_valid_examples"].item() == expected["n_valid_examples"]


def test_pytorch_training_and_running_statistics_are_the_reference_ones(golden):
    record, stored = golden
    workload, model = golden_model(record, torch.float32)
    batch = {"inputs": torch.from_numpy(golden_images())}

    with torch.no_grad():
        frozen, _ = workload.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, update_batch_norm=False)
        before = model.bn1.running_mean.clone()
        logits, _ = workload.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, update_batch_norm=True)

    assert torch.equal(before, torch.from_numpy(arrays(record["buffers"])["bn1.running_mean"]))
    np.testing.assert_allclose(frozen.numpy(), logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(logits.numpy(), stored["train"], atol=2e-3, rtol=0)
    buffers = dict(model.named_buffers())
    compared = [name.removeprefix("new/") for name in stored if name.startswith("new/")]
    assert len(compared) == 2 * 53
    for name in compared:
        np.testing.assert_allclose(buffers[name].numpy(), stored[f"new/{name}"], atol=5e-5, rtol=0)


def test_jax_evaluation_is_the_reference_one(golden, shared):
    record, stored = golden
    folder = shared / "data" / "reference_vectors"
    parity = json.loads((folder / "jax_parity" / "imagenet_resnet.json").read_text())
    expected = np.load(folder / "models" / "imagenet_resnet_jax.npz")["eval"]
    values = arrays(record["params"]) | arrays(record["buffers"])
    params, state = jax_tree(parity["mapping"], values), jax_tree(parity["state_mapping"], values)
    workload = registry.load(SPEC, "jax")(SPEC)
    batch = {"inputs": golden_images().transpose(0, 2, 3, 1)}

    def evaluate(params, state, batch):
        return workload.model_fn(params, batch, state, ForwardPassMode.EVAL, None, update_batch_norm=False)

    logits, new_state = jax.jit(evaluate)(params, state, batch)

    np.testing.assert_allclose(logits, expected, atol=5e-5, rtol=0)
    assert np.array_equal(new_state["batch_stats"]["BatchNorm_init"]["mean"], values["bn1.running_mean"])
    loss = workload.loss_fn(stored["input/targets"], logits, stored["input/weights"], 0.1)
    soft = workload.loss_fn(jax.nn.one_hot(stored["input/targets"], 1000), logits, stored["input/weights"], 0.1)
    np.testing.assert_allclose(loss["per_example"], soft["per_example"], rtol=1e-6)


@pytest.fixture(scope="module")
def twins():
    """The mini model in both frameworks with the same weights, none of them at a special initial value."""
    spec = dataclasses.replace(MINI, model={**MINI.model, "last_scale": 0.3, "stage_sizes": (2, 1)})
    torch_workload, jax_workload = registry.load(spec, "pytorch")(spec), registry.load(spec, "jax")(spec)
    model, _ = torch_workload.init_model_fn(3)
    shapes = jax.eval_shape(jax_workload.initial_variables, jax.random.PRNGKey(0))
    values = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
    params, state = (jax.tree_util.tree_map_with_path(lambda path, leaf: copied(path, leaf, values), s) for s in shapes)
    return torch_workload, model, jax_workload, params, state


def copied(path, leaf, values):
    """The PyTorch array that belongs to a JAX leaf of the mini model."""
    *modules, name = (str(key.key) for key in path if str(key.key) != "batch_stats")
    places = {"BottleneckResNetBlock_0": "layer1.0", "BottleneckResNetBlock_1": "layer1.1"}
    places |= {"BottleneckResNetBlock_2": "layer2.0", "Conv_init": "conv1", "BatchNorm_init": "bn1", "Dense_0": "fc"}
    places |= {f"Conv_{i}": f"conv{i + 1}" for i in range(3)} | {f"BatchNorm_{i}": f"bn{i + 1}" for i in range(3)}
    places |= {"Conv_proj": "downsample.conv", "BatchNorm_proj": "downsample.bn"}
    names = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
    value = values[".".join([*(places[module] for module in modules), names.get(name, name)])]
    value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
    assert value.shape == leaf.shape
    return value


def test_both_frameworks_compute_the_same_function_with_the_same_weights(twins):
    torch_workload, model, jax_workload, params, state = twins
    batch = {"inputs": numbers("twins", 6 * 28 * 28).reshape(6, 28, 28, 1).astype(np.float32)}
    tensors = torch_workload.to_device(batch)

    def forward(mode):
        ours, _ = torch_workload.model_fn(model, tensors, None, mode, None, update_batch_norm=False)
        theirs, _ = jax_workload.model_fn(
            params,
            batch,
            state,
            mode,
            None,
            update_batch_norm=False,
            use_running_average_bn=mode == ForwardPassMode.EVAL,
        )
        return ours.detach().numpy(), np.asarray(theirs)

    for mode in ForwardPassMode:
        ours, theirs = forward(mode)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_training_pass_moves_the_running_averages_in_both_frameworks(twins):
    torch_workload, model, jax_workload, params, state = twins
    count = 6 * 14 * 14  # values per channel behind the stem
    batch = {"inputs": numbers("twins", 6 * 28 * 28).reshape(6, 28, 28, 1).astype(np.float32)}

    _, new_state = jax_workload.model_fn(params, batch, state, ForwardPassMode.TRAIN, None, update_batch_norm=True)
    torch_workload.model_fn(
        model, torch_workload.to_device(batch), None, ForwardPassMode.TRAIN, None, update_batch_norm=True
    )

    ours, theirs = model.bn1, new_state["batch_stats"]["BatchNorm_init"]
    np.testing.assert_allclose(ours.running_mean.numpy(), theirs["mean"], atol=1e-5)
    # PyTorch keeps the unbiased variance, flax the biased one.
    biased = 0.9 + (ours.running_var.numpy() - 0.9) * (count - 1) / count
    np.testing.assert_allclose(biased, theirs["var"], atol=1e-5)
    assert int(ours.num_batches_tracked) > 0


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_the_golden_cross_entropy_of_a_thousand_classes(framework, shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "losses_and_accuracy.json").read_text())["imagenet_top1"]
    logits = (4 * numbers("top1/logits", 12 * 1000)).astype(np.float32).reshape(12, 1000)
    logits[6, [3, 700]] = logits[7, [3, 700]] = 9.0
    make = torch.tensor if framework == "pytorch" else jax.numpy.asarray
    workload = registry.load(SPEC, framework)(SPEC)

    for smoothing in (0.0, 0.1):
        loss = workload.loss_fn(make(np.array(record["labels"])), make(logits), None, smoothing)
        expected = record["loss_smoothing_0.1" if smoothing else "loss_smoothing_0"]["torch"]
        assert float(loss["summed"]) == pytest.approx(expected["summed"], rel=1e-6)
        assert float(loss["n_valid_examples"]) == expected["n_valid_examples"]
        np.testing.assert_allclose(np.asarray(loss["per_example"]), expected["per_example"], rtol=1e-5)
