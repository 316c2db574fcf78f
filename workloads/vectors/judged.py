"""What the judge's metrics make of a model's evaluation, where a golden file says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workloads.metrics.ctc_decoding import greedy_decode
from workloads.metrics.ssim import Ssim
from workloads.metrics.top_1 import Top1
from workloads.vectors.golden import Golden
from workloads.vectors.quantity import Quantity, Reporter

_METRIC = 1e-5  # relative to the number of examples


def judged(
    golden: Golden, name: str, batch: Mapping[str, Any], outputs: tuple[np.ndarray, ...], report: Reporter
) -> Iterator[Quantity]:
    """Every such quantity of the pass `eval` or `eval_plain`.

    Args:
        outputs: of the model in float32: logits or images, and their paddings where they have some.
    """
    record, stored = golden.record, golden.stored
    if name == "eval" and "greedy_decode" in stored:
        pairs = zip(greedy_decode(*outputs), stored["greedy_decode"], strict=True)
        wrong = sum(not np.array_equal(found, expected[expected > 0]) for found, expected in pairs)
        yield report.quantity("wrongly decoded rows", wrong, 0.0)
    if name == "eval" and "eval_metrics_with_weights" in record:
        collected = Ssim() if "ssim" in record["eval_metrics_with_weights"] else Top1()
        collected.update(outputs[0], batch)
        # The file has sums, the judge means.
        sums = {key: value * collected.num_examples for key, value in collected.compute().items()}
        for key, expected in record["eval_metrics_with_weights"].items():
            yield report.compare(f"{key} of what counts", sums[key], expected, _METRIC, collected.num_examples)
    if name == "eval" and "eval_ssim" in stored:
        rows = [_similarity(outputs[0], batch, row) for row in range(len(outputs[0]))]
        yield report.compare("ssim of each image", rows, stored["eval_ssim"], _METRIC)
    if name == "eval_plain" and "plain_accuracy" in record:
        weights = batch["weights"]
        correct = (outputs[0].argmax(axis=-1) == batch["targets"]) * weights
        expected = [record["plain_accuracy"][key] for key in ("sum", "weight")]
        yield report.compare("right tokens and all", [correct.sum(), weights.sum()], expected, 0.0)


def _similarity(images: np.ndarray, batch: Mapping[str, Any], row: int) -> float:
    """Of one image, by the accumulator that the judge has."""
    collected = Ssim()
    collected.update(images, {**batch, "weights": np.arange(len(images)) == row})
    return collected.compute()["ssim"]
