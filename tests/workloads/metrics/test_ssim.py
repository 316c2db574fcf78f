from __future__ import annotations

import json

import numpy as np
import pytest

from tests.workloads.reference_vectors import numbers
from workloads.metrics.ssim import Ssim, similarity


def image(formula, height, width):
    """The image that a formula of the golden file means."""

    def g(name):
        return numbers(f"ssim/{name}", height * width).reshape(height, width)

    ramp = np.arange(height * width).reshape(height, width) / (height * width)
    return eval(formula, {"g": g, "ramp": ramp}).astype(np.float32)


def batch(targets, weights=None, **numbers_of_images):
    ones = np.ones(len(targets), np.float32)
    plain = {"mean": 0 * ones, "std": ones, "volume_max": ones, "weights": ones if weights is None else weights}
    return {"targets": targets, **plain, **numbers_of_images}


def test_the_golden_pairs(shared):
    record = json.loads((shared / "data" / "reference_vectors" / "metrics" / "ssim.json").read_text())

    for case in record["cases"]:
        size = (case["height"], case["width"])
        mean, std, largest = (
            float(default if case[name] is None else case[name])
            for name, default in (("mean", 0), ("std", 1), ("volume_max", 0))
        )
        restored, truth = (image(case[name], *size).astype(np.float64) for name in ("logits", "targets"))
        value = similarity(restored * std + mean, truth * std + mean, largest)
        assert value == pytest.approx(case["torch_float64"], abs=1e-10), case["name"]
        assert value == pytest.approx(case["jax_float32"], abs=1e-5), case["name"]

    assert len(record["cases"]) == 11


def test_both_means_leave_out_rows_that_pad():
    targets = numbers("targets", 4 * 16 * 12).reshape(4, 16, 12).astype(np.float32)
    outputs = targets + np.array([0, 1, 5, np.nan], np.float32)[:, None, None]
    scale = {"mean": np.array([3, 1, 2, 2], np.float32), "std": np.array([0.5, 2, 1, 1], np.float32)}
    whole = batch(targets, np.array([1, 1, 1, 0], np.float32), volume_max=np.full(4, 4, np.float32), **scale)
    collected = Ssim()
    for rows in (slice(0, 1), slice(1, 4)):
        collected.update(outputs[rows], {key: value[rows] for key, value in whole.items()})

    values = [
        similarity((outputs[i] * s + m).astype(np.float64), (targets[i] * s + m).astype(np.float64), 4.0)
        for i, (m, s) in enumerate([(3, 0.5), (1, 2), (2, 1)])
    ]

    assert values[0] == 1.0
    assert collected.num_examples == 3
    assert collected.compute() == {"ssim": pytest.approx(np.mean(values), rel=1e-6), "loss": pytest.approx(2.0)}


def test_similarity_is_that_of_the_smallest_image_that_holds_a_window():
    """One window: means, covariances with 48 in the denominator, nothing else."""
    x, y = (numbers(name, 49).reshape(7, 7) for name in ("x", "y"))
    covariance = np.cov(x.ravel(), y.ravel())
    c1, c2 = 0.02**2, 0.06**2
    expected = (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
    expected /= (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)

    assert similarity(x, y, 2.0) == pytest.approx(expected, abs=1e-12)
