"""The graph network against the benchmark's golden numbers, in both frameworks."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
import torch

from tests.workloads.reference_vectors import arrays, jax_tree, numbers
from workloads import registry
from workloads.api import ForwardPassMode, GraphsTuple

SPEC = registry.get("ogbg")
FIELDS = ("nodes", "edges", "receivers", "senders", "n_node", "n_edge")


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "data" / "reference_vectors"
    record = json.loads((folder / "models" / "ogbg.json").read_text())
    return record, dict(np.load(folder / "models" / "ogbg.npz")), arrays(record["params"])


@pytest.fixture(scope="module")
def batch(golden):
    _, stored, _ = golden
    fields = {name: stored[f"input/{name}"] for name in FIELDS}
    return {
        "inputs": GraphsTuple(globals=None, **fields),
        "targets": stored["input/targets"],
        "weights": stored["input/weights"],
    }


def torch_batch(batch, dtype):
    graphs = batch["inputs"]
    tensors = {name: torch.from_numpy(getattr(graphs, name)) for name in FIELDS}
    tensors |= {name: tensors[name].to(dtype) for name in ("nodes", "edges")}
    tensors |= {name: tensors[name].long() for name in FIELDS[2:]}
    labels = {name: torch.from_numpy(batch[name]).to(dtype) for name in ("targets", "weights")}
    return {"inputs": GraphsTuple(globals=None, **tensors), **labels}


def torch_model(weights, dtype):
    workload = registry.load(SPEC, "pytorch")(SPEC)
    model = workload.build_model().to(dtype)
    model.load_state_dict({name: torch.from_numpy(value).to(dtype) for name, value in weights.items()})
    return workload, model


@pytest.mark.parametrize(("dtype", "tag", "tolerance"), [(torch.float32, "", 3e-5), (torch.float64, "_float64", 1e-10)])
@pytest.mark.parametrize("mode", ForwardPassMode)
def test_pytorch_logits_are_the_reference_ones(mode, dtype, tag, tolerance, golden, batch):
    _, stored, weights = golden
    workload, model = torch_model(weights, dtype)

    logits, state = workload.model_fn(
        model, torch_batch(batch, dtype), None, mode, None, update_batch_norm=True, dropout_rate=0.0
    )

    assert state is None
    name = "eval" if mode == ForwardPassMode.EVAL else "train"
    np.testing.assert_allclose(logits.detach().numpy(), stored[name + tag], atol=tolerance, rtol=0)


@pytest.mark.parametrize("smoothing", ["0", "0.1"])
def test_pytorch_losses_and_gradients_are_the_reference_ones(smoothing, golden, batch):
    record, stored, weights = golden
    workload, model = torch_model(weights, torch.float64)
    tensors = torch_batch(batch, torch.float64)
    logits, _ = workload.model_fn(model, tensors, None, ForwardPassMode.TRAIN, None, True, dropout_rate=0.0)

    loss = workload.loss_fn(tensors["targets"], logits, tensors["weights"], label_smoothing=float(smoothing))

    expected = record["losses"][f"train/ls{smoothing}"]
    assert loss["summed"].item() == pytest.approx(expected["summed"], rel=2e-6)
    assert loss["n_valid_examples"].item() == expected["n_valid_examples"]
    np.testing.assert_allclose(
        loss["per_example"].detach().numpy(), stored[f"train_ls{smoothing}_per_example"], atol=2e-5, rtol=2e-5
    )
    if smoothing == "0":
        loss["summed"].backward()
        for name, parameter in model.named_parameters():
            gradient = parameter.grad.numpy().ravel()
            _, _, norm, dot = record["grads"][name]
            assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-8)
            assert gradient @ numbers(f"grad/{name}", gradient.size) == pytest.approx(dot, abs=1e-8 * max(norm, 1))


def test_jax_logits_losses_and_gradients_are_the_reference_ones(golden, batch, shared):
    record, stored, weights = golden
    parity = json.loads((shared / "data" / "reference_vectors" / "jax_parity" / "ogbg.json").read_text())
    params = jax.tree.map(jax.numpy.asarray, jax_tree(parity["mapping"], weights))
    workload = registry.load(SPEC, "jax")(SPEC)

    def summed_loss(params, smoothing):
        logits, state = workload.model_fn(params, batch, None, ForwardPassMode.TRAIN, key, True, dropout_rate=0.0)
        assert state is None
        loss = workload.loss_fn(batch["targets"], logits, batch["weights"], label_smoothing=smoothing)
        return loss["summed"], (logits, loss)

    key = jax.random.PRNGKey(0)
    step = jax.jit(jax.value_and_grad(summed_loss, has_aux=True))
    (_, (logits, loss)), gradients = step(params, 0.0)
    np.testing.assert_allclose(logits, stored["train"], atol=3e-5, rtol=0)
    np.testing.assert_allclose(loss["per_example"], stored["train_ls0_per_example"], atol=2e-5, rtol=2e-5)
    assert float(loss["n_valid_examples"]) == record["losses"]["train/ls0"]["n_valid_examples"]
    smoothed = step(params, 0.1)[0][1][1]
    assert float(smoothed["summed"]) == pytest.approx(record["losses"]["train/ls0.1"]["summed"], rel=1e-5)
    for leaf in parity["mapping"]:
        node = gradients
        for part in leaf["jax"].split("/"):
            node = node[part]
        assert np.linalg.norm(node) == pytest.approx(record["grads"][leaf["torch"][0]][2], rel=2e-5)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_a_loss_without_a_mask_counts_every_entry(framework):
    workload = registry.load(SPEC, framework)(SPEC)
    make = torch.tensor if framework == "pytorch" else jax.numpy.asarray
    labels, logits = make([[0.0, 1.0]]), make([[0.0, 0.0]])

    loss = workload.loss_fn(labels, logits)

    assert float(loss["summed"]) == pytest.approx(2 * np.log(2))
    assert float(loss["n_valid_examples"]) == 2


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_the_golden_loss_with_masks_and_smoothing(framework, shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "losses_and_accuracy.json").read_text())["ogbg_loss"]
    mask = (numbers("ogbgloss/mask", 512) > -0.2).reshape(4, 128)
    mask[3] = False
    labels = ((numbers("ogbgloss/labels", 512) > 0.3).reshape(4, 128) & mask).astype(np.float32)
    logits = (6 * numbers("ogbgloss/logits", 512)).reshape(4, 128).astype(np.float32)
    make = torch.from_numpy if framework == "pytorch" else jax.numpy.asarray
    workload = registry.load(SPEC, framework)(SPEC)

    for smoothing, key in ((0.0, "smoothing_0"), (0.1, "smoothing_0.1")):
        loss = workload.loss_fn(make(labels), make(logits), make(mask.astype(np.float32)), smoothing)
        assert float(loss["summed"]) == pytest.approx(record[key]["torch"]["summed"], rel=1e-5)
        assert float(loss["n_valid_examples"]) == record[key]["torch"]["n"]


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_dropout_acts_in_training_only_and_keeps_the_mean(framework, batch):
    workload = registry.load(SPEC, framework)(SPEC)
    params, state = workload.init_model_fn(0)
    tensors = torch_batch(batch, torch.float32) if framework == "pytorch" else batch

    def forward(mode, rate, rng):
        return workload.model_fn(params, tensors, state, mode, rng, False, dropout_rate=rate)[0]

    compiled = jax.jit(forward, static_argnums=0)  # the rate is traced, as in a step that is compiled once

    def logits(mode, rate, seed):
        torch.manual_seed(seed)
        if framework == "jax":
            return np.asarray(compiled(mode, rate, jax.random.PRNGKey(seed)))
        return forward(mode, rate, None).detach().numpy()

    plain = logits(ForwardPassMode.TRAIN, 0.0, 0)
    assert np.array_equal(logits(ForwardPassMode.EVAL, 0.5, 0), logits(ForwardPassMode.EVAL, 0.0, 1))
    np.testing.assert_allclose(logits(ForwardPassMode.EVAL, 0.5, 0), plain, atol=1e-5)
    assert not np.allclose(logits(ForwardPassMode.TRAIN, 0.5, 0), plain, atol=1e-2)
    assert not np.array_equal(logits(ForwardPassMode.TRAIN, 0.5, 0), logits(ForwardPassMode.TRAIN, 0.5, 1))
