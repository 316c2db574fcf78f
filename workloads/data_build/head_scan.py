"""A real scan of one head (T1, 1 mm, "Colin27") as a dataset of images to restore.

Slices across the head are made half as fine and cut to 96 x 96. What a scanner would have measured is computed from
them when they are read (`workloads/datasets/fastmri.py`), and most of it is then left out. All slices are of the same
head: training, validation and test have slabs of their own, with slices between them that nobody has.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from workloads.data_build import debian

_FILE = "usr/share/mricron/templates/ch2.nii.gz"
_SHAPE = (181, 217, 181)  # slices from the neck up, rows from back to front, columns from left to right
_HEADER_BYTES = 352
SIZE = 96

# Millimetres above the lowest slice. Neighbours are 1 mm apart and look alike, so 4 mm lie between the slabs.
SLABS: Mapping[str, Sequence[int]] = {
    "train": (*range(6, 66), *range(90, 98), *range(122, 162)),
    "validation": range(70, 86),
    "test": range(102, 118),
}
_EVAL_TRAIN_STRIDE = 6


def build(package: Path) -> dict[str, dict[str, np.ndarray]]:
    """Split -> file stem -> records, from Debian's package."""
    volume = read_volume(debian.read_file(package, _FILE))
    slabs = {split: slices(volume, heights) for split, heights in SLABS.items()}
    slabs["eval_train"] = slabs["train"][::_EVAL_TRAIN_STRIDE]
    return {split: {"head": records} for split, records in slabs.items()}


def read_volume(content: bytes) -> np.ndarray:
    """The scan (slices, rows, columns) uint8, from a compressed file in the NIfTI-1 format with a plain header."""
    return np.frombuffer(gzip.decompress(content), np.uint8, offset=_HEADER_BYTES).reshape(_SHAPE)


def slices(volume: np.ndarray, heights: Sequence[int]) -> np.ndarray:
    """Records of `target` (96, 96) uint8 and `volume_max`, the brightest point of the whole scan at that size."""
    small = _cut(_halved(volume))
    records = np.empty(len(heights), [("target", np.uint8, (SIZE, SIZE)), ("volume_max", np.uint8)])
    records["target"] = small[list(heights)]
    records["volume_max"] = small.max()
    return records


def _halved(volume: np.ndarray) -> np.ndarray:
    """Means of two by two points within a slice, rounded; an odd row or column at the end is left out."""
    depth, height, width = volume.shape
    even = volume[:, : height // 2 * 2, : width // 2 * 2].astype(np.uint16)
    sums = even.reshape(depth, height // 2, 2, width // 2, 2).sum(axis=(2, 4), dtype=np.uint16)
    return ((sums + 2) // 4).astype(np.uint8)


def _cut(volume: np.ndarray) -> np.ndarray:
    """The middle of each slice, with black around it where the slice is smaller."""
    for axis in (1, 2):
        size = volume.shape[axis]
        before = max(0, size - SIZE) // 2
        volume = np.take(volume, range(before, before + min(size, SIZE)), axis=axis)
        missing = SIZE - volume.shape[axis]
        padding = [(0, 0)] * 3
        padding[axis] = (missing // 2, missing - missing // 2)
        volume = np.pad(volume, padding)
    return volume
