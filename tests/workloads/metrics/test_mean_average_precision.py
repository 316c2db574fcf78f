from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from workloads.metrics.mean_average_precision import MeanAveragePrecision, average_precision, mean_average_precision


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_scikit_learns_with_and_without_ties(seed):
    random = np.random.default_rng(seed)
    labels = np.append(random.integers(0, 2, 40), 1)
    scores = random.normal(size=41)
    for values in (scores, scores.round(), np.zeros(41)):
        assert average_precision(labels, values) == pytest.approx(average_precision_score(labels, values), abs=1e-12)


def test_the_golden_batch_with_missing_labels_and_padding(shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    record = json.loads((folder / "ogbg_map.json").read_text())
    stored = np.load(folder / "ogbg_map.npz")
    collected = MeanAveragePrecision()
    for rows in (slice(0, 25), slice(25, None)):
        collected.update(
            stored["logits"][rows], {"targets": stored["labels"][rows], "weights": stored["weights"][rows]}
        )

    metrics = collected.compute()

    assert set(metrics) == {"accuracy", "loss", "mean_average_precision"}
    assert metrics == pytest.approx(record["torch"], abs=1e-6)


def test_a_task_whose_known_labels_are_all_positive_counts_when_others_are_missing():
    labels = np.array([[1, 1], [1, 1], [0, 1]])
    known = np.array([[True, True], [True, True], [False, True]])

    # The first task has a zero only where it is unknown, so it counts; the second has none at all.
    assert mean_average_precision(labels, np.zeros((3, 2)), known) == 1.0


def test_without_a_task_to_judge_the_metric_is_not_a_number():
    labels = np.ones((3, 2))

    assert math.isnan(mean_average_precision(labels, np.zeros((3, 2)), labels > 0))


def test_rows_without_any_weight_are_no_examples():
    collected = MeanAveragePrecision()

    collected.update(np.zeros((3, 2)), {"targets": np.zeros((3, 2)), "weights": np.array([[1, 0], [0, 1], [0, 0]])})

    assert collected.num_examples == 2
