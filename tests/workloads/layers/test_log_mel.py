"""The front end of the speech models against the benchmark's golden features, in both frameworks."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from workloads.layers import log_mel
from workloads.layers.log_mel_jax import log_mel_features
from workloads.layers.log_mel_torch import LogMel


@pytest.fixture(scope="module")
def golden(shared):
    return np.load(shared / "data" / "reference_vectors" / "pipelines" / "logmel.npz")


def features(framework, audio, paddings):
    if framework == "jax":
        return tuple(np.asarray(part) for part in log_mel_features(jnp.asarray(audio), jnp.asarray(paddings)))
    return tuple(part.numpy() for part in LogMel()(torch.from_numpy(audio), torch.from_numpy(paddings)))


def test_the_mel_matrix_is_the_reference_one(golden):
    np.testing.assert_allclose(log_mel.mel_matrix(), golden["mel_weights"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(LogMel()._mel, golden["mel_weights"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_features_and_paddings_are_the_reference_ones(framework, golden):
    audio, paddings = golden["waveform"].astype(np.float32), golden["input_paddings"].astype(np.float32)

    values, padded = features(framework, audio, paddings)

    np.testing.assert_allclose(values, golden["features"], atol=2e-5 if framework == "pytorch" else 2e-4, rtol=0)
    assert np.array_equal(padded, golden["paddings"])


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_padded_sound_is_not_heard(framework):
    audio, paddings = np.full((2, 2000), 500.0, np.float32), np.zeros((2, 2000), np.float32)
    paddings[:, 1200:] = 1
    audio[1, 1200:] = 9000

    values, padded = features(framework, audio, paddings)

    assert values.shape == (2, (2000 - 401) // 160 + 1, 80)
    assert np.array_equal(values[0], values[1])
    assert padded[0].tolist() == [0] * 8 + [1, 1]  # the eighth frame starts at sample 1120


def test_the_mel_matrix_survives_a_model_that_is_built_without_memory():
    with torch.device("meta"):
        module = LogMel()
    module.to_empty(device="cpu")

    assert torch.equal(module._mel, LogMel()._mel)
