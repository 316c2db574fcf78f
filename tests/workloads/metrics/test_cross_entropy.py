from __future__ import annotations

import json

import numpy as np
import pytest

from workloads.metrics.cross_entropy import CrossEntropy


def test_the_golden_clicks_without_the_row_that_pads(shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "losses_and_accuracy.json").read_text())["criteo1tb_cross_entropy"]
    logits, targets, weights = (np.array(record[key], np.float32)[:, None] for key in ("logits", "targets", "weights"))
    collected = CrossEntropy()

    for rows in (slice(0, 4), slice(4, None)):
        collected.update(logits[rows], {"targets": targets[rows], "weights": weights[rows]})

    assert collected.num_examples == 9
    assert collected.compute() == {"loss": pytest.approx(record["torch"]["summed"] / 9, rel=1e-6)}


def test_a_million_small_losses_lose_no_digits():
    """Added up in float32, the last of them would vanish."""
    ones = np.ones((1000, 1), np.float32)
    collected = CrossEntropy()
    collected.update(20_000 * ones, {"targets": 0 * ones, "weights": ones})
    for _ in range(100):
        collected.update(-7 * ones, {"targets": 0 * ones, "weights": ones})

    expected = (1000 * 20_000 + 100_000 * np.log1p(np.exp(-7))) / 101_000

    assert collected.compute()["loss"] == pytest.approx(expected, rel=1e-12)
