"""What the judge's metrics make of golden outputs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from workloads.metrics.ssim import similarity
from workloads.vectors.golden import Golden
from workloads.vectors.judged import judged
from workloads.vectors.quantity import Reporter


def compared(golden, name, batch, *outputs):
    return {quantity.quantity: quantity.passed for quantity in judged(golden, name, batch, outputs, Reporter(file=""))}


@pytest.mark.parametrize("name", ["imagenet_resnet", "imagenet_vit"])
def test_golden_outputs_make_the_golden_metrics(name, shared):
    golden = Golden(shared / "data" / "reference_vectors", name)
    batch, logits = golden.batch(), golden.stored["eval"]

    assert compared(golden, "eval", batch, logits) == {"accuracy of what counts": True, "loss of what counts": True}

    logits[0, batch["targets"][0]] += 100  # a right answer where the golden model has none
    assert compared(golden, "eval", batch, logits) == {"accuracy of what counts": False, "loss of what counts": False}


def test_decoded_rows_are_compared_as_a_whole():
    logits = np.eye(4)[[[1, 1, 0, 2], [3, 3, 3, 0]]]
    paddings = np.array([[0, 0, 0, 0], [0, 0, 0, 1]])
    decoded = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])

    for rows, passes in ((decoded, True), (decoded[:, ::-1], False)):
        golden = SimpleNamespace(record={}, stored={"greedy_decode": rows})
        assert compared(golden, "eval", {}, logits, paddings) == {"wrongly decoded rows": passes}


def test_images_are_compared_one_by_one_and_those_that_count_in_sum():
    images = np.random.default_rng(1).normal(size=(2, 9, 9))
    truth = images + 0.3 * images[::-1]
    scale = {"mean": np.zeros(2), "std": np.ones(2), "volume_max": np.full(2, 4.0)}
    single = [similarity(image, true, 4.0) for image, true in zip(images, truth, strict=True)]
    sums = {"ssim": single[0], "loss": np.abs(images[0] - truth[0]).mean()}
    batch = {"targets": truth, "weights": np.array([1.0, 0.0]), **scale}
    golden = SimpleNamespace(record={"eval_metrics_with_weights": sums}, stored={"eval_ssim": np.array(single)})

    assert set(compared(golden, "eval", batch, images).values()) == {True}
    assert compared(golden, "eval", {**batch, "weights": np.ones(2)}, images)["ssim of what counts"] is False
    assert compared(golden, "eval", batch, images[::-1])["ssim of each image"] is False


def test_right_tokens_are_counted_where_they_have_weight():
    logits = np.eye(5)[[[1, 2, 3]]]
    batch = {"targets": np.array([[1, 4, 3]]), "weights": np.array([[1, 1, 0]])}
    golden = SimpleNamespace(record={"plain_accuracy": {"sum": 1.0, "weight": 2.0}}, stored={})

    assert compared(golden, "eval_plain", batch, logits) == {"right tokens and all": True}
    assert compared(golden, "eval_plain", {**batch, "weights": np.ones((1, 3))}, logits) == {
        "right tokens and all": False
    }
