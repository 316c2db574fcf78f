from __future__ import annotations

import json

import numpy as np
import pytest

from tests.workloads.reference_vectors import numbers
from workloads.errors import UnknownWorkload
from workloads.metrics import accumulator
from workloads.metrics.top_1 import Top1
from workloads.spec import Metric


def test_the_golden_batch_with_ties_and_weights(shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "losses_and_accuracy.json").read_text())["imagenet_top1"]
    logits = (4 * numbers("top1/logits", 12 * 1000)).astype(np.float32).reshape(12, 1000)
    logits[6, [3, 700]] = logits[7, [3, 700]] = 9.0
    labels, weights = np.array(record["labels"]), np.array(record["weights"])
    collected = Top1()
    collected.update(logits[:5], labels[:5], weights[:5])
    collected.update(logits[5:], labels[5:], weights[5:])

    counted = np.count_nonzero(weights)

    assert collected.num_examples == counted == 9
    assert collected.compute()["accuracy"] * counted == pytest.approx(record["torch"]["accuracy"])
    assert collected.compute()["loss"] * counted == pytest.approx(record["torch"]["loss"], rel=1e-6)


def test_enormous_logits_do_not_overflow():
    collected = Top1()

    collected.update(np.array([[1e30, 0.0]], np.float32), np.array([1]), np.ones(1))

    assert collected.compute() == {"accuracy": 0.0, "loss": pytest.approx(1e30)}


def test_an_unknown_metric_is_answered_with_the_known_ones():
    with pytest.raises(UnknownWorkload, match="no metric is called 'fid'; known: accuracy, mean_average_precision"):
        accumulator(Metric(name="fid", higher_is_better=False))
