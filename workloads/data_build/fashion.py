"""Fashion-MNIST as an image classification dataset: photographs of clothes, 28 x 28, grey, ten classes."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from workloads.data_build.debian import read_file

_FOLDER = "usr/share/datasets/fashion-mnist/"
_HEADER_BYTES = {"images": 16, "labels": 8}
_PIXELS = 28 * 28

COUNTS = {"train": 8_000, "eval_train": 1_000, "validation": 1_000, "test": 1_000}


def build(package: Path, counts: Mapping[str, int] = COUNTS) -> dict[str, dict[str, np.ndarray]]:
    """Split -> file stem -> array, from Debian's package.

    Training and validation images come from the published training set, test images from its test set. The images are
    in no order in the source, so heads of the files are fair samples.
    """
    images, labels = _read(package, "train")
    test_images, test_labels = _read(package, "t10k")
    splits = {
        "train": (images, labels),
        "eval_train": (images, labels),
        "validation": (images[::-1], labels[::-1]),  # from the other end, so never also for training
        "test": (test_images, test_labels),
    }
    return {
        split: {"inputs": inputs[: counts[split]].copy(), "targets": targets[: counts[split]].copy()}
        for split, (inputs, targets) in splits.items()
    }


def _read(package: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28, 1) uint8 and labels (N,) uint8 of one half of the dataset, in the IDX format."""
    images = _idx(package, f"{part}-images-idx3-ubyte.gz", "images").reshape(-1, 28, 28, 1)
    labels = _idx(package, f"{part}-labels-idx1-ubyte.gz", "labels")
    return images, labels


def _idx(package: Path, member: str, kind: str) -> np.ndarray:
    content = gzip.decompress(read_file(package, _FOLDER + member))
    return np.frombuffer(content, np.uint8, offset=_HEADER_BYTES[kind])
