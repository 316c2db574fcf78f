"""Labelled images, decoded: `inputs.npy` (N, height, width, channels) uint8 and `targets.npy` (N,) integers.

Serves every image classifier. Both frameworks see the same NumPy batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workloads.batching import generator, shuffled_indices
from workloads.spec import Workload


def train_batches(directory: Path, spec: Workload, batch_size: int, seed: int) -> Iterator[dict[str, np.ndarray]]:
    """Endless shuffled batches from the directory of the training split, shifted and mirrored at random.

    Yields:
        inputs (batch, height, width, channels) float32, normalised; targets (batch,) int32, or, where the
        workload mixes images, (batch, classes) float32.
    """
    images, targets = _load(directory)
    random = generator(seed)
    for indices in shuffled_indices(len(targets), batch_size, random):
        augmented = _augment(images[indices], spec, random)
        yield _mixed({"inputs": _normalise(augmented, spec), "targets": targets[indices]}, spec, random)


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[dict[str, np.ndarray]]:
    """Every example of a split once, in order. `weights` (batch,) is 0 on the rows that pad the last batch."""
    images, targets = _load(directory)
    for start in range(0, len(targets), batch_size):
        chosen = slice(start, start + batch_size)
        missing = batch_size - len(targets[chosen])
        batch = {
            "inputs": _normalise(images[chosen], spec),
            "targets": targets[chosen],
            "weights": np.ones(batch_size - missing, np.float32),
        }
        yield {key: _pad(value, missing) for key, value in batch.items()}


def _load(directory: Path) -> tuple[np.ndarray, np.ndarray]:
    images = np.load(directory / "inputs.npy", mmap_mode="r")
    targets = np.load(directory / "targets.npy").astype(np.int32)
    return images, targets


def _normalise(images: np.ndarray, spec: Workload) -> np.ndarray:
    mean = np.asarray(spec.data["mean"], np.float32)
    return (images.astype(np.float32) - mean) / np.asarray(spec.data["stddev"], np.float32)


def _augment(images: np.ndarray, spec: Workload, random: np.random.Generator) -> np.ndarray:
    """Mirrors half of the images and moves each by up to `shift` pixels, black coming in at the border."""
    count, height, width, _ = images.shape
    if spec.data.get("mirror"):
        mirrored = random.random((count, 1, 1, 1)) < 0.5
        images = np.where(mirrored, images[:, :, ::-1], images)
    shift = spec.data.get("shift", 0)
    if not shift:
        return images
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    top, left = random.integers(0, 2 * shift + 1, (2, count))
    rows = (top[:, None] + np.arange(height))[:, :, None]
    columns = (left[:, None] + np.arange(width))[:, None, :]
    return padded[np.arange(count)[:, None, None], rows, columns]


def _mixed(batch: dict[str, np.ndarray], spec: Workload, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Mixup where the workload asks for it: every image with its neighbour, one weight for the batch, soft targets.

    Source: Zhang et al. 2017 (arXiv 1710.09412).
    """
    if "mixup" not in spec.data:
        return batch
    weight = np.float32(random.beta(spec.data["mixup"], spec.data["mixup"]))
    one_hot = np.eye(spec.model["classes"], dtype=np.float32)[batch["targets"]]
    parts = {"inputs": batch["inputs"], "targets": one_hot}
    return {key: weight * part + (1 - weight) * np.roll(part, 1, axis=0) for key, part in parts.items()}


def _pad(array: np.ndarray, missing: int) -> np.ndarray:
    return np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
