"""The vision Transformer: golden outputs, its variants recomputed in NumPy, initial values, dropout."""

from __future__ import annotations

import dataclasses
import json

import jax
import numpy as np
import pytest
import torch

from tests.workloads.initial_values import assert_drawn_alike
from tests.workloads.reference_vectors import arrays, numbers
from tests.workloads.twins import outputs, twins
from workloads import registry
from workloads.api import ForwardPassMode
from workloads.imagenet_vit import model_jax, model_torch
from workloads.narrow import narrow

NAMES = ["imagenet_vit", "imagenet_vit_glu", "imagenet_vit_post_ln", "imagenet_vit_map"]


def images(count, size=32):
    """Channels last."""
    return numbers("images", count * size * size * 3).reshape(count, size, size, 3)


def test_pytorch_is_the_reference_at_full_size(shared):
    folder = shared / "data" / "reference_vectors" / "models"
    record, stored = json.loads((folder / "imagenet_vit.json").read_text()), np.load(folder / "imagenet_vit.npz")
    spec = registry.get("imagenet_vit")
    workload = registry.load(spec, "pytorch")(spec)
    with torch.device("meta"):
        model = workload.build_model()
    model.load_state_dict(
        {key: torch.from_numpy(value) for key, value in arrays(record["params"]).items()}, assign=True
    )
    inputs = (1.75 * numbers("imagenet/inputs", 602_112)).astype(np.float32).reshape(4, 3, 224, 224)

    logits = outputs(workload, model, inputs.transpose(0, 2, 3, 1))

    np.testing.assert_allclose(logits, stored["eval"], atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_computes_what_is_written_of_it(name):
    spec = narrow(registry.get(name))
    pytorch, model, _, _, weights = twins(spec)  # that JAX computes the same is tested for all of them

    expected = recomputed(spec.model, weights, images(3))

    # The positions are float32.
    np.testing.assert_allclose(outputs(pytorch, model, images(3)), expected, atol=1e-6, rtol=0)


def recomputed(model, weights, inputs):
    """The forward pass from the facts, written for sizes that need no care."""
    patch, width, heads = model["patch"], model["width"], model["heads"]

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attention(query, key, value):
        split = [x.reshape(*x.shape[:2], heads, width // heads).transpose(0, 2, 1, 3) for x in (query, key, value)]
        scores = np.exp(split[0] @ split[1].swapaxes(2, 3) / np.sqrt(width // heads))
        mixed = scores / scores.sum(-1, keepdims=True) @ split[2]
        return mixed.transpose(0, 2, 1, 3).reshape(query.shape)

    def mlp(x, name):
        x = linear(x, f"{name}.linear1")
        x = x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        if f"{name}.glu_linear.weight" in weights:
            x = x * linear(x, f"{name}.glu_linear")
        return linear(x, f"{name}.linear2")

    def self_attention(x, name):
        return linear(attention(*(linear(x, f"{name}.{part}") for part in ("query", "key", "value"))), f"{name}.out")

    side = inputs.shape[1] // patch
    kernel = weights["conv_patch_extract.weight"].transpose(2, 3, 1, 0).reshape(-1, width)
    tokens = (
        inputs.reshape(-1, side, patch, side, patch, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, side**2, patch**2 * 3)
    )
    x = tokens @ kernel + weights["conv_patch_extract.bias"]
    x = x + np.array([[position(i % side, i // side, j, width // 4) for j in range(width)] for i in range(side**2)])
    for block in range(model["depth"]):
        inside = f"encoder.net.{block}"
        for branch, part, number in ((self_attention, "self_attention1", 0), (mlp, "mlp3", 2)):
            if model["post_norm"]:
                x = norm(x + branch(x, f"{inside}.{part}"), f"{inside}.layer_norm{number}")
            else:
                x = x + branch(norm(x, f"{inside}.layer_norm{number}"), f"{inside}.{part}")
    if not model["post_norm"]:
        x = norm(x, "encoder.encoder_norm")
    if model["attention_pooling"]:
        probe = np.repeat(weights["map.probe"], len(x), axis=0)
        key, value = np.split(linear(x, "map.mha.kv_proj"), 2, axis=-1)
        x = linear(attention(linear(probe, "map.mha.q_proj"), key, value), "map.mha.out_proj")
        x = (x + mlp(norm(x, "map.layer_norm"), "map.mlp"))[:, 0]
    else:
        x = x.mean(axis=1)
    return linear(np.tanh(linear(x, "pre_logits")), "head")


def position(column, row, entry, quarter):
    angle = (column if entry < 2 * quarter else row) * 10_000 ** -(entry % quarter / (quarter - 1))
    return np.sin(angle) if entry // quarter % 2 == 0 else np.cos(angle)


def test_both_position_tables_are_equal():
    tables = model_jax.position_table(14, 14, 384), model_torch.position_table(14, 14, 384, torch.device("cpu")).numpy()

    np.testing.assert_allclose(*tables, atol=2e-6)
    assert tables[0].dtype == tables[1].dtype == np.float32


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
@pytest.mark.parametrize("name", ["imagenet_vit_glu", "imagenet_vit_map"])
def test_initial_values_are_drawn_as_published(name, framework, shared):
    """One block of full width says it of all."""
    full = registry.get(name)
    spec = dataclasses.replace(full, model={**full.model, "depth": 1})
    params, _ = registry.load(spec, framework)(spec).init_model_fn(5)
    record = json.loads((shared / "spec" / "params" / f"{name}.json").read_text())
    rows = {row["name"]: row for row in record[framework]}
    if framework == "pytorch":
        values = {key: value.detach().numpy() for key, value in params.named_parameters()}
    else:
        leaves = jax.tree_util.tree_leaves_with_path(params)
        values = {"/".join(str(key.key) for key in path): np.asarray(leaf) for path, leaf in leaves}

    for key, value in values.items():
        assert_drawn_alike(rows[key], value)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_the_first_loss_is_that_of_guessing(framework):
    spec = narrow(registry.get("imagenet_vit"))
    workload = registry.load(spec, framework)(spec)
    params, _ = workload.init_model_fn(1)
    inputs = images(2).astype(np.float32)
    make = torch.from_numpy if framework == "pytorch" else jax.numpy.asarray

    loss = workload.loss_fn(make(np.array([3, 7])), make(outputs(workload, params, inputs)))

    assert float(loss["summed"]) == pytest.approx(2 * np.log(10), abs=1e-6)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
@pytest.mark.parametrize("name", ["imagenet_vit", "imagenet_vit_map"])
def test_dropout_acts_in_training_only(name, framework):
    both = twins(narrow(registry.get(name)), torch.float32)
    workload, params = (both.torch, both.model) if framework == "pytorch" else (both.jax, both.params)
    inputs = images(2).astype(np.float32)
    plain = outputs(workload, params, inputs)

    assert np.array_equal(outputs(workload, params, inputs, rate=0.5), plain)
    np.testing.assert_allclose(outputs(workload, params, inputs, ForwardPassMode.TRAIN), plain, atol=1e-5)
    dropped = [outputs(workload, params, inputs, ForwardPassMode.TRAIN, 0.5, seed) for seed in (1, 1, 2)]
    assert np.array_equal(dropped[0], dropped[1])
    assert not np.allclose(dropped[0], dropped[2], atol=1e-3)


def test_weights_of_half_the_width_are_taken():
    pytorch, model, jax_workload, params, _ = twins(narrow(registry.get("imagenet_vit")), torch.float32)
    inputs = images(4).astype(np.float32)
    expected = outputs(pytorch, model, inputs)

    with torch.autocast("cpu", torch.bfloat16):
        batch = {"inputs": torch.from_numpy(inputs).permute(0, 3, 1, 2)}
        mixed, _ = pytorch.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, False)
    half_params = jax.tree.map(lambda leaf: jax.numpy.asarray(leaf, jax.numpy.bfloat16), params)
    half = outputs(jax_workload, half_params, jax.numpy.asarray(inputs, jax.numpy.bfloat16))

    np.testing.assert_allclose(mixed.detach().float().numpy(), expected, atol=0.1 * expected.std())
    np.testing.assert_allclose(half.astype(np.float32), expected, atol=0.1 * expected.std())
