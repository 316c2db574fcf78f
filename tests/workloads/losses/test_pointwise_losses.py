"""Losses against golden numbers and plain arithmetic, in both frameworks."""

from __future__ import annotations

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.workloads.reference_vectors import numbers
from workloads.losses import (
    mean_absolute_error_jax,
    mean_absolute_error_torch,
    sigmoid_cross_entropy_jax,
    sigmoid_cross_entropy_torch,
    softmax_cross_entropy_jax,
    softmax_cross_entropy_torch,
)

FRAMEWORKS = pytest.mark.parametrize("framework", ["pytorch", "jax"])
LOSSES = {
    ("softmax", "pytorch"): softmax_cross_entropy_torch.softmax_cross_entropy,
    ("softmax", "jax"): softmax_cross_entropy_jax.softmax_cross_entropy,
    ("sigmoid", "pytorch"): sigmoid_cross_entropy_torch.sigmoid_cross_entropy,
    ("sigmoid", "jax"): sigmoid_cross_entropy_jax.sigmoid_cross_entropy,
    ("absolute", "pytorch"): mean_absolute_error_torch.mean_absolute_error,
    ("absolute", "jax"): mean_absolute_error_jax.mean_absolute_error,
}


def loss(kind, framework, labels, outputs, mask, *smoothing):
    make = torch.from_numpy if framework == "pytorch" else jnp.asarray
    arrays = (None if array is None else make(np.asarray(array)) for array in (labels, outputs, mask))
    return {key: np.asarray(value) for key, value in LOSSES[kind, framework](*arrays, *smoothing).items()}


def slope(kind, framework, label, logit):
    """The derivative of the summed loss of one entry."""
    labels = np.full((1, 1), label, np.float32)
    if framework == "jax":
        summed = lambda x: LOSSES[kind, framework](jnp.asarray(labels), x, None, 0.0)["summed"]  # noqa: E731
        return float(jax.grad(summed)(jnp.full((1, 1), logit))[0, 0])
    logits = torch.full((1, 1), logit, requires_grad=True)
    LOSSES[kind, framework](torch.from_numpy(labels), logits, None, 0.0)["summed"].backward()
    return logits.grad.item()


@FRAMEWORKS
def test_clicks_cost_what_the_benchmark_says(framework, shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "losses_and_accuracy.json").read_text())["criteo1tb_cross_entropy"]
    targets, logits, weights = (np.array(record[key], np.float32) for key in ("targets", "logits", "weights"))

    for mask, key in ((weights, "torch"), (None, "torch_no_mask")):
        got = loss("sigmoid", framework, targets, logits, mask)
        assert got["summed"] == pytest.approx(record[key]["summed"], rel=1e-6)
        assert got["n_valid_examples"] == record[key]["n_valid_examples"]
        np.testing.assert_allclose(got["per_example"], record[key]["per_example"], rtol=1e-5, atol=1e-12)


@FRAMEWORKS
@pytest.mark.parametrize(("label", "logit"), [(1.0, 0.0), (0.0, 0.0), (1.0, 40.0), (0.0, -90.0), (1.0, -90.0)])
def test_the_slope_of_the_sigmoid_loss_is_probability_minus_label(framework, label, logit):
    assert slope("sigmoid", framework, label, logit) == pytest.approx(1 / (1 + math.exp(-logit)) - label, abs=1e-7)


@FRAMEWORKS
def test_unknown_labels_cost_nothing_even_as_nan(framework):
    labels = np.array([[np.nan, 1.0], [0.0, np.nan]], np.float32)
    mask = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)

    got = loss("sigmoid", framework, labels, np.zeros((2, 2), np.float32), mask, 0.0)

    assert got["per_example"].tolist() == [[0, pytest.approx(math.log(2))], [pytest.approx(math.log(2)), 0]]
    assert got["n_valid_examples"] == 2


@FRAMEWORKS
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_tokens_and_their_distributions_cost_the_same(framework, smoothing):
    """Rows of tokens as in translation; the last one only pads."""
    logits = numbers("tokens", 2 * 3 * 5).reshape(2, 3, 5).astype(np.float32)
    labels, mask = np.array([[0, 4, 2], [1, 1, 0]]), np.array([[1, 1, 1], [1, 1, 0]], np.float32)
    smooth = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5
    expected = (np.log(np.exp(logits).sum(-1)) - (smooth * logits).sum(-1)) * mask

    hard = loss("softmax", framework, labels, logits, mask, smoothing)
    soft = loss("softmax", framework, np.eye(5, dtype=np.float32)[labels], logits, mask, smoothing)

    np.testing.assert_allclose(hard["per_example"], expected, rtol=1e-5)
    np.testing.assert_allclose(soft["per_example"], expected, rtol=1e-5)
    assert hard["summed"] == pytest.approx(expected.sum(), rel=1e-6)
    assert hard["n_valid_examples"] == 5


@FRAMEWORKS
def test_an_image_costs_the_mean_over_its_pixels(framework):
    truth = numbers("truth", 3 * 4 * 4).reshape(3, 4, 4).astype(np.float32)
    restored = truth + np.array([0.5, -2.0, 1.0], np.float32)[:, None, None]

    whole = loss("absolute", framework, truth, restored, None)
    masked = loss("absolute", framework, truth, restored, np.array([1, 1, 0], np.float32))

    np.testing.assert_allclose(whole["per_example"], [0.5, 2.0, 1.0], rtol=1e-6)
    assert (whole["n_valid_examples"], masked["n_valid_examples"]) == (3, 2)
    assert masked["summed"] == pytest.approx(2.5, rel=1e-6)


@FRAMEWORKS
@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "absolute"])
def test_outputs_of_half_the_width_are_taken(framework, kind):
    outputs = numbers("half", 12).reshape(3, 4).astype(np.float32)
    labels = np.eye(4, dtype=np.float32)[[0, 3, 1]]
    smoothing = () if kind == "absolute" else (0.0,)

    exact = loss(kind, framework, labels, outputs, None, *smoothing)["summed"]
    if framework == "pytorch":
        half = LOSSES[kind, framework](torch.from_numpy(labels), torch.from_numpy(outputs).bfloat16(), None, *smoothing)
        half = half["summed"].float()
    else:
        half = LOSSES[kind, framework](labels, jnp.asarray(outputs, jnp.bfloat16), None, *smoothing)["summed"]

    assert float(half) == pytest.approx(float(exact), rel=0.03)


@pytest.mark.parametrize(("kind", "framework"), LOSSES)
def test_outputs_of_half_the_width_are_summed_and_counted_in_full(kind, framework):
    """A bfloat16 has eight bits: 1,023 would be 1,024, and a sum of a thousand losses off by two."""
    make = (
        (lambda x: torch.from_numpy(x).bfloat16()) if framework == "pytorch" else (lambda x: jnp.asarray(x, "bfloat16"))
    )
    whole = torch.from_numpy if framework == "pytorch" else jnp.asarray
    outputs = np.round(4 * numbers("half", 341 * 3).reshape(341, 3)).astype(np.float32)  # bfloat16 holds these
    labels = np.zeros(341, np.int64) if kind == "softmax" else np.zeros((341, 3), np.float32)
    smoothing = () if kind == "absolute" else (0.1,)

    for mask in (None, np.ones((341, 3) if kind == "sigmoid" else 341, np.float32)):
        given = None if mask is None else whole(mask)
        half, full = (
            LOSSES[kind, framework](whole(labels), convert(outputs), given, *smoothing) for convert in (make, whole)
        )
        for key in ("summed", "n_valid_examples"):
            assert float(half[key]) == pytest.approx(float(full[key]), rel=1e-6)
