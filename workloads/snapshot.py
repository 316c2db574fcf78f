"""A model as raw bytes: every array at a fixed place, so that reading it needs no parser.

The layout follows from the workload and its framework alone; trainer and judge derive it separately and compare.
NumPy only; `snapshot_torch` and `snapshot_jax` know where each framework keeps its arrays.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.errors import SnapshotMismatch
from workloads.spec import Framework

_MODULES = {Framework.PYTORCH: "workloads.snapshot_torch", Framework.JAX: "workloads.snapshot_jax"}


@dataclass(frozen=True, kw_only=True)
class LayoutEntry:
    """One array: raw C-contiguous little-endian bytes at `offset`. The wire type has the same fields."""

    key: str  # "p000", "p001", ... for parameters, "s000", ... for model state
    shape: tuple[int, ...]
    dtype: str  # "float32" or "int64"
    offset: int
    nbytes: int


def module(framework: str) -> Any:
    """`snapshot_torch` or `snapshot_jax`: `layout`, `arrays` and `restore` of one framework."""
    return importlib.import_module(_MODULES[Framework(framework)])


def build_layout(kinds_shapes_dtypes: Iterable[tuple[str, tuple[int, ...], str]]) -> tuple[LayoutEntry, ...]:
    """Arrays one behind the other, without gaps. A kind is "p" or "s"; each is numbered from 0."""
    entries: list[LayoutEntry] = []
    counts = {"p": 0, "s": 0}
    offset = 0
    for kind, shape, dtype in kinds_shapes_dtypes:
        if dtype not in ("float32", "int64"):
            raise SnapshotMismatch(f"a model holds float32 and int64 arrays, not {dtype}")
        nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        key = f"{kind}{counts[kind]:03d}"
        entries.append(LayoutEntry(key=key, shape=tuple(shape), dtype=dtype, offset=offset, nbytes=nbytes))
        counts[kind] += 1
        offset += nbytes
    return tuple(entries)


def little_endian(array: np.ndarray) -> np.ndarray:
    """The array C-contiguous and little-endian; scalars stay scalars."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def views(layout: Sequence[LayoutEntry], buffer: Any) -> list[np.ndarray]:
    """Read-only arrays over a buffer of exactly the layout's size.

    Raises:
        SnapshotMismatch: the buffer has another size.
    """
    expected = layout[-1].offset + layout[-1].nbytes if layout else 0
    size = memoryview(buffer).nbytes
    if size != expected:
        raise SnapshotMismatch(f"a snapshot of this model has {expected} bytes, not {size}")
    arrays = []
    for entry in layout:
        flat = np.frombuffer(buffer, np.uint8, entry.nbytes, entry.offset)
        # A copy aligns int64 counters that follow an odd number of float32 values.
        array = np.frombuffer(flat.tobytes(), np.dtype(entry.dtype).newbyteorder("<")).reshape(entry.shape)
        arrays.append(array)
    return arrays


def check(layout: Sequence[LayoutEntry], other: Sequence[LayoutEntry]) -> None:
    """Raises SnapshotMismatch, naming the first difference, unless both layouts are the same."""
    if len(layout) != len(other):
        raise SnapshotMismatch(f"the model has {len(other)} arrays instead of {len(layout)}")
    for entry, found in zip(layout, other, strict=True):
        if entry != found:
            raise SnapshotMismatch(
                f"array {entry.key} has become {found.dtype}{list(found.shape)}; "
                f"it started as {entry.dtype}{list(entry.shape)}, and that must stay"
            )
