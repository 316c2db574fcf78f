"""Slices of scans, restored from a part of what the scanner measured.

A split is a folder of volumes `*.npy`. A volume is an array of records, one per slice: `columns` (height, columns), the
complex measurement after the transform along its rows, cut to the picture's height; `target` (height, width), the
picture; `volume_max`, the largest value of the volume. Without `columns` the measurement is the transform of the
picture itself, which is how small data are stored. What is left to do depends on the mask, so it is done here: leave
out columns of the measurement, transform along the other axis, cut, normalise.

Source: AlgoPerf workloads, reconstruction of scans, "Data". Differences: epochs are full permutations instead of a
shuffle buffer, and the slices of `eval_train` share the one mask of the other evaluations, so that they are comparable.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.batching import array_files, generator, read_array, shuffled_indices
from workloads.decoding import in_batches
from workloads.errors import DataMissing
from workloads.spec import Workload

_Batch = dict[str, np.ndarray]
_KeyOf = Callable[[int], tuple[int, int]]
_ACCELERATION = 4  # a measurement is this many times shorter than a whole one
_CENTRE_FRACTION = 0.08  # of the columns, always measured
_EVAL_KEY = (0, 0)  # one mask for all slices of the same width
_LARGEST = 6.0  # standard deviations
_MASK_WORD = 2**31
_AHEAD = 64  # slices of a megabyte each


def train_batches(
    directory: Path, spec: Workload, batch_size: int, seed: int, turn: tuple[int, int] = (0, 1)
) -> Iterator[_Batch]:
    """Endless shuffled batches. A slice has a mask of its own, the same in every epoch of one seed.

    Args:
        turn: (rank, ranks): only the batches number rank, rank + ranks, and so on.
    Yields:
        inputs, targets (batch, height, width), mean, std, volume_max (batch,), all float32.
    """
    slices = _Slices.open(directory)
    random = generator(seed)
    first = int(random.integers(_MASK_WORD))
    chosen = shuffled_indices(len(slices), batch_size, random)
    return _batches(slices, itertools.islice(chosen, turn[0], None, turn[1]), spec, lambda index: (first, index))


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[_Batch]:
    """Every slice of a split once, in order. `weights` (batch,) is 0 on the rows that pad the last batch."""
    slices = _Slices.open(directory)
    chosen = (np.arange(start, min(start + batch_size, len(slices))) for start in range(0, len(slices), batch_size))
    for batch in _batches(slices, chosen, spec, lambda index: _EVAL_KEY):
        missing = batch_size - len(batch["mean"])
        batch["weights"] = np.ones_like(batch["mean"])
        yield {key: np.pad(value, [(0, missing)] + [(0, 0)] * (value.ndim - 1)) for key, value in batch.items()}


def _batches(slices: _Slices, chosen: Iterable[np.ndarray], spec: Workload, key_of: _KeyOf) -> Iterator[_Batch]:
    """One batch for every array of slice numbers; full-size slices are made ahead, in threads."""

    def example(index: int) -> dict[str, Any]:
        return _example(slices[index], key_of(index), spec)

    numbers = (indices.tolist() for indices in chosen)
    if not slices.are_measured:
        return (_stacked([example(index) for index in indices]) for indices in numbers)
    return map(_stacked, in_batches(example, numbers, _AHEAD))


@functools.lru_cache(maxsize=1 << 17)
def column_mask(width: int, key: tuple[int, int]) -> np.ndarray:
    """Which columns of a measurement are kept, (width,) bool: those in the middle, and others by chance.

    Args:
        key: two integers; the draws are those of TensorFlow's stateless generator for that seed.
    """
    central = int(_CENTRE_FRACTION * width)
    chance = (width / _ACCELERATION - central) / (width - central)
    kept = uniform_draws(width, key) < np.float32(chance)
    first = (width - central + 1) // 2
    kept[first : first + central] = True
    kept.flags.writeable = False  # it is kept for the next epoch
    return kept


def uniform_draws(count: int, key: tuple[int, int]) -> np.ndarray:
    """`count` float32 numbers in [0, 1): Philox 4x32-10, seeded as TensorFlow seeds its stateless generator.

    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """
    words = np.array(key, np.int64).view(np.uint32).astype(np.uint64)  # low and high word of each
    mixed = _philox(words[np.newaxis], (0x3EC8F720, 0x02461E29))[0]
    counters = np.zeros((-(-count // 4), 4), np.uint64)
    counters[:, 0] = np.arange(len(counters))
    counters[:, 2:] = mixed[2:]
    bits = _philox(counters, (int(mixed[0]), int(mixed[1]))).astype(np.uint32).ravel()[:count]
    return ((bits & 0x7FFFFF) | 0x3F800000).view(np.float32) - np.float32(1)


def _philox(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds on counters (n, 4), words of 32 bits in 64."""
    low_word = np.uint64(0xFFFFFFFF)
    for step in range(10):
        keys = [np.uint64((word + step * odd) & 0xFFFFFFFF) for word, odd in zip(key, _WEYL, strict=True)]
        first, second = counters[:, 0] * _MULTIPLIERS[0], counters[:, 2] * _MULTIPLIERS[1]
        counters = np.stack(
            [
                (second >> np.uint64(32)) ^ counters[:, 1] ^ keys[0],
                second & low_word,
                (first >> np.uint64(32)) ^ counters[:, 3] ^ keys[1],
                first & low_word,
            ],
            axis=1,
        )
    return counters


_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)


@dataclass(frozen=True, kw_only=True)
class _Slices:
    """All slices of a split, volume after volume; they stay on the disk."""

    volumes: Sequence[np.ndarray]
    ends: np.ndarray  # how many slices there are up to the end of each volume

    @classmethod
    def open(cls, directory: Path) -> _Slices:
        paths = array_files(directory)
        if not paths:
            raise DataMissing(f"{directory} holds no volume (*.npy)")
        volumes = [read_array(path) for path in paths]
        return cls(volumes=volumes, ends=np.cumsum([len(volume) for volume in volumes]))

    @property
    def are_measured(self) -> bool:
        """False where measurements have to be made from pictures."""
        return "columns" in (self.volumes[0].dtype.names or ())

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> np.void:
        """The record of one slice."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        volume = self.volumes[number]
        record: np.void = volume[index - int(self.ends[number]) + len(volume)]
        return record


def _example(record: np.void, key: tuple[int, int], spec: Workload) -> dict[str, Any]:
    """One slice as a model sees it: what is left of the picture, the picture, and how to undo the normalisation."""
    target = record["target"].astype(np.float32)
    names = record.dtype.names or ()
    columns = record["columns"] if "columns" in names else _transformed(target, np.fft.fft)
    kept = np.where(column_mask(columns.shape[1], key), columns, np.complex64(0))
    _, width = spec.data["image_shape"]
    left = (columns.shape[1] - width) // 2
    picture = np.abs(_transformed(kept, np.fft.ifft)[:, left : left + width])
    mean, std = picture.mean(dtype=np.float64), picture.std(dtype=np.float64)
    return {
        "inputs": _normalised(picture, mean, std),
        "targets": _normalised(target, mean, std),
        "mean": np.float32(mean),
        "std": np.float32(std),
        "volume_max": np.float32(record["volume_max"]),
    }


def _transformed(rows: np.ndarray, transform: Callable[..., np.ndarray]) -> np.ndarray:
    """Every row, transformed between picture and measurement, both with their origin in the middle."""
    transformed = transform(np.fft.ifftshift(rows, axes=1), axis=1, norm="ortho")
    return np.fft.fftshift(transformed, axes=1)


def _normalised(picture: np.ndarray, mean: np.floating, std: np.floating) -> np.ndarray:
    return np.clip((picture - np.float32(mean)) / np.float32(std), -_LARGEST, _LARGEST)


def _stacked(examples: Sequence[dict[str, Any]]) -> _Batch:
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}
