"""The U-Net: golden outputs and similarity, its variants recomputed in NumPy, initial values, dropout."""

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
from workloads.metrics.ssim import Ssim
from workloads.narrow import narrow

NAMES = ["fastmri", "fastmri_model_size", "fastmri_tanh", "fastmri_layernorm"]


def knees(count, height=32, width=32):
    return numbers("knees", count * height * width).reshape(count, height, width)


def test_pytorch_is_the_reference_at_full_size_in_images_and_similarity(shared):
    folder = shared / "data" / "reference_vectors" / "models"
    record, stored = json.loads((folder / "fastmri.json").read_text()), np.load(folder / "fastmri.npz")
    spec = registry.get("fastmri")
    workload = registry.load(spec, "pytorch")(spec)
    with torch.device("meta"):
        model = workload.build_model()
    model.load_state_dict(
        {key: torch.from_numpy(value) for key, value in arrays(record["params"]).items()}, assign=True
    )
    inputs = 2 * numbers("fastmri/inputs", 204_800)
    targets = (inputs + 0.5 * numbers("fastmri/targets", 204_800)).astype(np.float32).reshape(2, 320, 320)
    batch = {key: stored[f"input/{key}"] for key in ("mean", "std", "volume_max", "weights")} | {"targets": targets}

    restored = outputs(workload, model, inputs.astype(np.float32).reshape(2, 320, 320))

    np.testing.assert_allclose(restored.ravel()[stored["eval_index"]], stored["eval_sample"], atol=1e-4, rtol=0)
    collected = Ssim()
    collected.update(restored, batch)
    expected = record["eval_metrics_with_weights"]  # of the one image that counts
    assert collected.num_examples == 1
    assert collected.compute()["ssim"] == pytest.approx(expected["ssim"], abs=1e-5)
    assert collected.compute()["loss"] == pytest.approx(expected["loss"], rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_computes_what_is_written_of_it(name):
    spec = narrow(registry.get(name))
    pytorch, model, _, _, weights = twins(spec)  # that JAX computes the same is tested for all of them

    expected = recomputed(spec.model, weights, knees(2))

    np.testing.assert_allclose(outputs(pytorch, model, knees(2)), expected, atol=1e-10, rtol=0)


def recomputed(model, weights, inputs):
    """The forward pass from the facts; arrays are (B, channels, height, width)."""

    def activation(x):
        return np.tanh(x) if model["activation"] == "tanh" else np.where(x > 0, x, 0.2 * x)

    def norm(x, axes, epsilon):
        x = x - x.mean(axes, keepdims=True)
        return x / np.sqrt((x**2).mean(axes, keepdims=True) + epsilon)

    def double(x, name):
        for number in (0, 4):
            kernel = weights[f"{name}.conv_layers.{number}.weight"]
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
            x = np.einsum("bchwij,ocij->bohw", windows, kernel)
            if model["layer_norm"]:
                scale, shift = (weights[f"{name}.conv_layers.{number + 1}.{own}"] for own in ("weight", "bias"))
                x = norm(x, (1, 2, 3), 1e-6) * scale[:, None, None] + shift[:, None, None]
            else:
                x = norm(x, (2, 3), 1e-5)
            x = activation(x)
        return x

    def up(x, name):
        """Every pixel becomes a square of four."""
        batch, _, height, width = x.shape
        square = np.einsum("bchw,coij->bohiwj", x, weights[f"{name}.layers.0.weight"])
        return activation(norm(square.reshape(batch, -1, 2 * height, 2 * width), (2, 3), 1e-5))

    x, skips, stages = inputs[:, None], [], model["poolings"]
    for stage in range(stages):
        x = double(x, f"down_sample_layers.{stage}")
        skips.append(x)
        x = x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).mean((3, 5))
    x = double(x, "conv")
    for stage in range(stages):
        x = np.concatenate([up(x, f"up_transpose_conv.{stage}"), skips.pop()], axis=1)
        x = double(x, f"up_conv.{stage}" if stage < stages - 1 else f"up_conv.{stage}.0")
    last = f"up_conv.{stages - 1}.1"
    return np.einsum("bchw,c->bhw", x, weights[f"{last}.weight"][0, :, 0, 0]) + weights[f"{last}.bias"][0]


def test_sizes_that_pooling_rounds_down_come_back_whole():
    spec = narrow(registry.get("fastmri"))
    spec = dataclasses.replace(spec, model={**spec.model, "poolings": 2})
    pytorch, model, jax_workload, params, _ = twins(spec)
    odd = knees(1, 23, 18)

    restored = outputs(pytorch, model, odd)

    assert restored.shape == (1, 23, 18)
    with jax.enable_x64():
        np.testing.assert_allclose(outputs(jax_workload, params, odd), restored, atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("framework", "name"), [("pytorch", "fastmri"), ("jax", "fastmri"), ("jax", "fastmri_layernorm")]
)
def test_initial_values_are_drawn_as_published(framework, name, shared):
    """Transposed kernels start sqrt(2) wider in PyTorch, as the tables say."""
    spec = registry.get(name)
    params, _ = registry.load(spec, framework)(spec).init_model_fn(5)
    if framework == "pytorch":
        values = {key: value.detach().numpy() for key, value in params.named_parameters()}
    else:
        leaves = jax.tree_util.tree_leaves_with_path(params)
        values = {"/".join(str(key.key) for key in path): np.asarray(leaf) for path, leaf in leaves}

    for row in json.loads((shared / "spec" / "params" / f"{name}.json").read_text())[framework]:
        assert_drawn_alike(row, values[row["name"]])


def test_dropout_takes_whole_channels_in_pytorch_and_nothing_in_jax():
    spec = narrow(registry.get("fastmri"))
    pytorch, model, jax_workload, params, _ = twins(spec, torch.float32)
    inputs = knees(2).astype(np.float32)
    seen = []
    model.conv.register_forward_hook(lambda _module, _inputs, output: seen.append(output))

    plain = outputs(pytorch, model, inputs)
    dropped = outputs(pytorch, model, inputs, ForwardPassMode.TRAIN, 0.5)

    assert np.array_equal(outputs(pytorch, model, inputs, rate=0.5), plain)
    assert not np.allclose(dropped, plain, atol=1e-2)
    is_zero = seen[1].eq(0).flatten(2)
    assert torch.equal(is_zero.all(-1), is_zero.any(-1))
    assert 0.2 < is_zero.float().mean() < 0.8
    untouched = outputs(jax_workload, params, inputs, ForwardPassMode.TRAIN, 0.5)
    assert np.array_equal(untouched, outputs(jax_workload, params, inputs))


def test_numbers_of_half_the_width_are_taken():
    pytorch, model, jax_workload, params, _ = twins(narrow(registry.get("fastmri")), torch.float32)
    inputs = knees(2).astype(np.float32)
    expected = outputs(pytorch, model, inputs)

    with torch.autocast("cpu", torch.bfloat16):
        batch = {"inputs": torch.from_numpy(inputs)}
        mixed, _ = pytorch.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, False)
    half_params = jax.tree.map(lambda leaf: jax.numpy.asarray(leaf, jax.numpy.bfloat16), params)
    half = outputs(jax_workload, half_params, jax.numpy.asarray(inputs, jax.numpy.bfloat16))

    # Two by two pixels are normalised at the bottom, which magnifies single roundings.
    assert np.abs(mixed.detach().float().numpy() - expected).mean() < 0.1 * expected.std()
    assert np.abs(half.astype(np.float32) - expected).mean() < 0.1 * expected.std()
