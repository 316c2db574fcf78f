from __future__ import annotations

import json

import numpy as np
import pytest

from tests.workloads.reference_vectors import numbers
from workloads.metrics.top_1 import Top1


def test_the_golden_batch_with_ties_and_weights(shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "losses_and_accuracy.json").read_text())["imagenet_top1"]
    logits = (4 * numbers("top1/logits", 12 * 1000)).astype(np.float32).reshape(12, 1000)
    logits[6, [3, 700]] = logits[7, [3, 700]] = 9.0
    labels, weights = np.array(record["labels"]), np.array(record["weights"])
    collected = Top1()
    for rows in (slice(0, 5), slice(5, None)):
        collected.update(logits[rows], {"targets": labels[rows], "weights": weights[rows]})

    counted = np.count_nonzero(weights)

    assert collected.num_examples == counted == 9
    assert collected.compute()["accuracy"] * counted == pytest.approx(record["torch"]["accuracy"])
    assert collected.compute()["loss"] * counted == pytest.approx(record["torch"]["loss"], rel=1e-6)


def test_enormous_logits_do_not_overflow():
    collected = Top1()

    collected.update(np.array([[1e30, 0.0]], np.float32), {"targets": np.array([1]), "weights": np.ones(1)})

    assert collected.compute() == {"accuracy": 0.0, "loss": pytest.approx(1e30)}
