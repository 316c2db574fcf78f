"""Writing parameters into the supervisor's file: exact places, and a sentence when the model has changed shape."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sandbox_runner.host.snapshot import Snapshot
from sandbox_runner.protocol import LayoutEntry
from sandbox_runner.trainer.snapshot import write_snapshot
from workloads.errors import SnapshotMismatch

LAYOUT = (
    LayoutEntry(key="p000", shape=(2, 3), dtype="float32", offset=0, nbytes=24),
    LayoutEntry(key="s000", shape=(), dtype="int64", offset=24, nbytes=8),
)
ARRAYS = (np.arange(6, dtype=np.float32).reshape(2, 3), np.asarray(7, np.int64))


def written(*arrays: np.ndarray) -> bytes:
    with Snapshot(32) as snapshot:
        write_snapshot(os.dup(snapshot.fd), LAYOUT, arrays)
        snapshot.seal()
        return os.pread(snapshot.fd, 32, 0)


def test_arrays_lie_at_their_offsets_and_the_file_can_be_sealed():
    content = written(*ARRAYS)
    assert np.frombuffer(content, "<f4", 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.frombuffer(content, "<i8", 1, 24).tolist() == [7]


def test_arrays_that_are_not_contiguous_are_written_in_c_order():
    assert written(np.asfortranarray(ARRAYS[0]), ARRAYS[1]) == written(*ARRAYS)


def test_short_writes_are_continued(monkeypatch: pytest.MonkeyPatch):
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, view, offset: whole(fd, view[:5], offset))
    content = written(*ARRAYS)
    assert np.frombuffer(content, "<f4", 6).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ((np.zeros((3, 2), np.float32), ARRAYS[1]), r"float32\[3, 2\], it started as float32\[2, 3\]"),
        ((ARRAYS[0].astype(np.float16), ARRAYS[1]), "float16"),
        (ARRAYS[:1], "has 1 arrays, it started with 2"),
        ((*ARRAYS, ARRAYS[1]), "more than the 2 arrays"),
    ],
)
def test_another_shape_is_refused_and_the_file_is_closed(arrays: tuple[np.ndarray, ...], sentence: str):
    with Snapshot(32) as snapshot:
        fd = os.dup(snapshot.fd)
        with pytest.raises(SnapshotMismatch, match=sentence):
            write_snapshot(fd, LAYOUT, arrays)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
