"""Writes the parameters into the supervisor's memfd: raw bytes at fixed offsets, by pwrite only.

The file is never mapped here: a writable mapping would keep the supervisor from sealing it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np

from sandbox_runner.protocol import LayoutEntry
from workloads.errors import SnapshotMismatch


def write_snapshot(fd: int, layout: Sequence[LayoutEntry], arrays: Iterable[np.ndarray]) -> None:
    """Writes every array at its offset and closes `fd`, also when it fails.

    Raises:
        SnapshotMismatch: number, shape or type of the arrays is not that of the initial model.
    """
    try:
        written = 0
        for array in arrays:
            if written == len(layout):
                raise SnapshotMismatch(f"the model has more than the {len(layout)} arrays it started with")
            entry = layout[written]
            if array.shape != tuple(entry.shape) or array.dtype.name != entry.dtype:
                raise SnapshotMismatch(
                    f"array {written} of the model is {array.dtype.name}{list(array.shape)}, "
                    f"it started as {entry.dtype}{list(entry.shape)}"
                )
            _write_all(fd, np.ascontiguousarray(array), entry.offset)
            written += 1
        if written < len(layout):
            raise SnapshotMismatch(f"the model has {written} arrays, it started with {len(layout)}")
    finally:
        os.close(fd)


def _write_all(fd: int, array: np.ndarray, offset: int) -> None:
    view = memoryview(array.reshape(-1).view(np.uint8).data)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count
