"""Norms of the speech models: frames that pad count nothing, and averages move as published, in both frameworks."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch

from workloads.layers import masked_norm_jax, masked_norm_torch
from workloads.torch_base import set_batch_norm_updates

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(3, 2, (3, 7, 4)).astype(np.float32)
PADDED = np.arange(7) >= np.array([[7], [4], [0]])
SCALE, BIAS = RANDOM.normal(size=(2, 4)).astype(np.float32)
RUNNING_MEAN, RUNNING_VARIANCE = np.float32([1, 2, 3, 4]), np.float32([1, 0.5, 2, 3])


def batch_norm(framework, *, training, x=X):
    """Normalised values, new running mean and variance."""
    if framework == "jax":
        variables = {
            "params": {"scale": SCALE, "bias": BIAS},
            "batch_stats": {"mean": RUNNING_MEAN, "var": RUNNING_VARIANCE},
        }
        y, new = masked_norm_jax.BatchNorm().apply(
            variables, jax.numpy.asarray(x), PADDED, use_running_averages=not training, mutable=["batch_stats"]
        )
        return np.asarray(y), np.asarray(new["batch_stats"]["mean"]), np.asarray(new["batch_stats"]["var"])
    module = torch_module().train(training)
    y = module(torch.from_numpy(x), torch.from_numpy(PADDED))
    return y.detach().numpy(), module.running_mean.numpy(), module.running_var.numpy()


def torch_module():
    module = masked_norm_torch.MaskedBatchNorm(4)
    values = {"weight": SCALE, "bias": BIAS, "running_mean": RUNNING_MEAN, "running_var": RUNNING_VARIANCE}
    module.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
    return module


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_training_normalises_with_the_frames_that_count_and_moves_the_averages_a_little(framework):
    counted = X[~PADDED].astype(np.float64)
    mean, variance = counted.mean(axis=0), counted.var(axis=0)  # the biased variance

    y, running_mean, running_variance = batch_norm(framework, training=True)

    expected = (X - mean) / np.sqrt(variance + 1e-3) * (1 + SCALE) + BIAS
    np.testing.assert_allclose(y, np.where(PADDED[..., np.newaxis], 0, expected), atol=1e-5)
    np.testing.assert_allclose(running_mean, 0.999 * RUNNING_MEAN + 0.001 * mean, atol=1e-6)
    np.testing.assert_allclose(running_variance, 0.999 * RUNNING_VARIANCE + 0.001 * variance, atol=1e-6)
    assert running_mean.shape == (4,)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_evaluation_normalises_with_the_averages_and_keeps_them(framework):
    y, running_mean, running_variance = batch_norm(framework, training=False)

    expected = (X - RUNNING_MEAN) / np.sqrt(RUNNING_VARIANCE + 1e-3) * (1 + SCALE) + BIAS
    np.testing.assert_allclose(y, np.where(PADDED[..., np.newaxis], 0, expected), atol=1e-5)
    assert np.array_equal(running_mean, RUNNING_MEAN)
    assert np.array_equal(running_variance, RUNNING_VARIANCE)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_what_stands_in_padded_frames_is_never_seen(framework):
    other = np.where(PADDED[..., np.newaxis], np.float32(1e6), X)
    for ours, theirs in zip(
        batch_norm(framework, training=True), batch_norm(framework, training=True, x=other), strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_in_jax_the_batch_may_be_that_of_all_devices_of_a_mapped_axis():
    """Mapping over the axis stands for devices; the rows count what they count, however many each has."""
    norm = masked_norm_jax.BatchNorm(over_all_devices=True)
    variables = norm.init(jax.random.PRNGKey(0), X, PADDED, use_running_averages=False)

    def normalise(x, padded):
        return norm.apply(variables, x, padded, use_running_averages=False, mutable=["batch_stats"])

    whole, new = normalise(X, PADDED)
    parts, part_new = jax.vmap(normalise, axis_name="batch")(X[:, np.newaxis], PADDED[:, np.newaxis])

    np.testing.assert_allclose(parts[:, 0], whole, atol=1e-5)
    for name in ("mean", "var"):
        np.testing.assert_allclose(part_new["batch_stats"][name][1], new["batch_stats"][name], atol=1e-6)


def test_averages_in_pytorch_can_be_frozen_in_training():
    module = torch_module().train()
    set_batch_norm_updates(module, False)
    frozen = module(torch.from_numpy(X), torch.from_numpy(PADDED))
    assert np.array_equal(module.running_mean.numpy(), RUNNING_MEAN)

    set_batch_norm_updates(module, True)
    assert torch.equal(module(torch.from_numpy(X), torch.from_numpy(PADDED)), frozen)
    assert not np.array_equal(module.running_mean.numpy(), RUNNING_MEAN)


def test_layer_norm_keeps_scale_minus_one_in_both_frameworks():
    wide = X.astype(np.float64)
    variance = wide.var(axis=-1, keepdims=True)
    expected = (wide - wide.mean(axis=-1, keepdims=True)) / np.sqrt(variance + 1e-6) * (1 + SCALE) + BIAS

    module = masked_norm_torch.LayerNorm(4)
    module.load_state_dict({"scale": torch.from_numpy(SCALE), "bias": torch.from_numpy(BIAS)})
    ours = module(torch.from_numpy(X)).detach().numpy()
    theirs = masked_norm_jax.LayerNorm().apply({"params": {"scale": SCALE, "bias": BIAS}}, jax.numpy.asarray(X))

    np.testing.assert_allclose(ours, expected, atol=2e-6)
    np.testing.assert_allclose(theirs, expected, atol=2e-6)
