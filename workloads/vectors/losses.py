"""`metrics/losses_and_accuracy.json`: losses without a model, in both frameworks, and top-1 accuracy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry
from workloads.metrics.top_1 import Top1
from workloads.spec import Framework
from workloads.vectors import generator
from workloads.vectors.quantity import Quantity, Reporter

_LOSS = 1e-5  # relative
_Record = Mapping[str, Any]


def compare_losses(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    """Every quantity of the file."""
    yield from _criteo_loss(record["criteo1tb_cross_entropy"], report)
    yield from _top_1(record["imagenet_top1"], report)
    yield from _ogbg_loss(record["ogbg_loss"], report)
    yield from _wmt_loss(record["wmt_loss"], report)
    case, images = record["fastmri_loss"], [generator.numbers(f"l1/{name}", 128).reshape(2, 8, 8) for name in "ba"]
    yield from _loss_case(report, "fastmri", {"torch": case["torch"]}, images[0], images[1], None)
    mask = np.array([1.0, 0.0])
    yield from _loss_case(report, "fastmri", {"torch": case["torch_mask_1_0"]}, images[0], images[1], mask)


def _ogbg_loss(case: _Record, report: Reporter) -> Iterator[Quantity]:
    mask = (generator.numbers("ogbgloss/mask", 512) > -0.2).reshape(4, 128)
    mask[3] = False
    labels = (generator.numbers("ogbgloss/labels", 512) > 0.3).reshape(4, 128) & mask
    logits = (6 * generator.numbers("ogbgloss/logits", 512)).reshape(4, 128)
    for smoothing in (0.0, 0.1):
        yield from _loss_case(report, "ogbg", case[f"smoothing_{smoothing:g}"], labels, logits, mask, smoothing)


def _wmt_loss(case: _Record, report: Reporter) -> Iterator[Quantity]:
    targets, weights = np.array(case["targets"]), np.array(case["weights"])
    logits = 5 * generator.numbers("wmtloss/logits", 2 * 3 * 32_000).reshape(2, 3, 32_000)
    logits[0, 1, 31_999] = logits[1, 0, 5] = 8
    for key, expected in case.items():
        if key.startswith("smoothing_"):
            smoothing, _, weighted = key.removeprefix("smoothing_").partition("_")
            mask = weights if weighted == "weights" else None
            yield from _loss_case(report, "wmt", expected, targets, logits, mask, float(smoothing))


def _criteo_loss(case: _Record, report: Reporter) -> Iterator[Quantity]:
    labels, logits, mask = (np.array(case[key])[:, np.newaxis] for key in ("targets", "logits", "weights"))
    expected = {key: case[key] for key in ("torch", "jax")}
    yield from _loss_case(report, "criteo1tb", expected, labels, logits, mask)
    yield from _loss_case(report, "criteo1tb", {"torch": case["torch_no_mask"]}, labels, logits, None)


def _top_1(case: _Record, report: Reporter) -> Iterator[Quantity]:
    logits = (4 * generator.numbers("top1/logits", 12 * 1000)).astype(np.float32).reshape(12, 1000)
    logits[6, [3, 700]] = logits[7, [3, 700]] = 9.0
    labels = np.array(case["labels"])
    for weights, expected in ((np.array(case["weights"]), case["torch"]), (np.ones(12), case["torch_weights_none"])):
        collected = Top1()
        collected.update(logits, {"targets": labels, "weights": weights})
        found = {name: value * collected.num_examples for name, value in collected.compute().items()}
        for name in ("accuracy", "loss"):
            yield report.compare(f"top-1 {name} of {collected.num_examples}", found[name], expected[name], _LOSS, 100)
    for smoothing in (0.0, 0.1):
        expected = case[f"loss_smoothing_{smoothing:g}"]
        yield from _loss_case(report, "imagenet_resnet", expected, labels, logits, None, smoothing)


def _loss_case(
    report: Reporter,
    workload: str,
    expected: Mapping[str, _Record],
    labels: np.ndarray,
    logits: np.ndarray,
    mask: np.ndarray | None,
    smoothing: float = 0.0,
) -> Iterator[Quantity]:
    """Sum, count and single losses in both frameworks; where JAX has no numbers of its own, PyTorch's are its."""
    labels = labels.astype(np.float32) if labels.dtype in (bool, np.float64) else labels
    weights = None if mask is None else mask.astype(np.float32)
    for framework in Framework:
        own = dataclasses.replace(report, workload=workload, framework=framework)
        wanted = expected.get("jax", expected["torch"]) if framework == Framework.JAX else expected["torch"]
        loss = loss_of(framework, workload, labels, logits.astype(np.float32), weights, smoothing)
        what = f"loss, smoothing {smoothing:g}, {'without' if mask is None else 'with'} a mask"
        count = wanted.get("n_valid_examples", wanted.get("n"))
        yield own.compare(f"{what}: summed", loss["summed"], wanted["summed"], _LOSS, abs(wanted["summed"]))
        yield own.compare(f"{what}: n_valid_examples", loss["n_valid_examples"], count, 0.0)
        if "per_example" in wanted:
            single = np.array(wanted["per_example"]).ravel()
            found = loss["per_example"].ravel()
            yield own.compare(f"{what}: per_example", found, single, _LOSS, max(1.0, float(np.abs(single).max())))


def loss_of(framework: Framework, workload: str, labels: Any, logits: Any, *others: Any) -> dict[str, np.ndarray]:
    """The loss function of a workload, on NumPy arrays or pairs of them."""
    spec = registry.get(workload)
    loss_fn = registry.load(spec, framework)(spec).loss_fn
    make: Callable[[Any], Any]
    if framework == Framework.PYTORCH:
        import torch as library

        make = library.from_numpy
    else:
        import jax.numpy as jnp

        make = jnp.asarray

    def converted(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(converted, value))
        return make(value) if isinstance(value, np.ndarray) else value

    found = loss_fn(*map(converted, (labels, logits, *others)))
    return {key: np.asarray(value) for key, value in found.items()}
