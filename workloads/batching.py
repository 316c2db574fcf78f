"""Files and orders of examples, shared by the datasets. NumPy only: trainer containers carry it beside one dataset."""

from __future__ import annotations

import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def array_files(directory: Path, pattern: str = "*.npy") -> list[Path]:
    """The arrays of a split in the order of their names; a packed one, `x.npy.xz`, goes by the name `x.npy`."""
    packed = (path.with_suffix("") for path in directory.glob(f"{pattern}.xz"))
    return sorted({*directory.glob(pattern), *packed})


def read_array(path: Path) -> np.ndarray:
    """The array of `x.npy`, which stays on the disk until it is used; where `x.npy.xz` lies instead, that, unpacked."""
    packed = Path(f"{path}.xz")
    if packed.exists():
        return np.load(io.BytesIO(lzma.decompress(packed.read_bytes())), allow_pickle=False)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def generator(seed: Any) -> np.random.Generator:
    """A NumPy generator from an integer of any sign, or from a key of several."""
    words = np.ravel(np.asarray(seed)).astype(np.int64).view(np.uint64)
    return np.random.default_rng([int(word) for word in words])


def endless_permutations(num_examples: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """One fresh permutation of all examples per epoch, for ever."""
    while True:
        yield random.permutation(num_examples)


def shuffled_indices(num_examples: int, batch_size: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of exactly `batch_size` indices; every epoch is a permutation, and batches run across its end."""
    pending = np.empty(0, np.int64)
    for permutation in endless_permutations(num_examples, random):
        pending = np.concatenate([pending, permutation])
        full = len(pending) // batch_size * batch_size
        yield from pending[:full].reshape(-1, batch_size)
        pending = pending[full:]
