"""Clicks: rows of counts and categories, each with a yes or no.

A split is a folder of pieces `*.npy`. A piece is an array of records of unsigned integers: the label, one field per
count, one per category. A model sees the logarithms of counts plus one, and categories rounded to float32 as in the
benchmark, which loses low bits of the largest ids.

Source: AlgoPerf workloads, click-through prediction, "Data".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from workloads.batching import array_files, endless_permutations, generator, read_array
from workloads.decoding import in_order
from workloads.errors import DataMissing, SubmissionError
from workloads.spec import Workload

_Batch = dict[str, np.ndarray]
_LARGE_BATCH = 8_192  # rows; fewer take less than a millisecond
_AHEAD = 2  # large batches that wait
_BLOCK = 4_096  # rows that are converted at a time, so that they stay in the cache


def train_batches(
    directory: Path, spec: Workload, batch_size: int, seed: int, turn: tuple[int, int] = (0, 1)
) -> Iterator[_Batch]:
    """Endless batches of consecutive rows; every epoch takes the pieces in another order.

    What is left of an epoch and does not fill a batch is dropped.

    Args:
        turn: (rank, ranks): only the batches number rank, rank + ranks, and so on.
    Yields:
        inputs (batch, dense + categorical) float32; targets (batch, 1) float32.
    Raises:
        SubmissionError: one epoch is less than one batch.
    """
    pieces = _pieces(directory)
    rows = sum(map(len, pieces))
    if rows < batch_size:
        raise SubmissionError(f"get_batch_size asked for {batch_size} rows, and the training split has only {rows}")
    orders = endless_permutations(len(pieces), generator(seed))
    runs = (parts for order in orders for parts in _runs([pieces[number] for number in order], batch_size))
    whole = (parts for parts in runs if sum(map(len, parts)) == batch_size)
    yield from _converted(itertools.islice(whole, turn[0], None, turn[1]), spec, batch_size)


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[_Batch]:
    """Every row of a split once, in order. `weights` (batch, 1) is 0 on the rows that pad the last batch."""
    for batch in _converted(_runs(_pieces(directory), batch_size), spec, batch_size):
        missing = batch_size - len(batch["targets"])
        batch["weights"] = np.ones_like(batch["targets"])
        yield {key: np.pad(value, [(0, missing), (0, 0)]) for key, value in batch.items()}


def _pieces(directory: Path) -> list[np.ndarray]:
    """The pieces in order of their names, not read yet."""
    paths = array_files(directory)
    if not paths:
        raise DataMissing(f"{directory} holds no piece of rows (*.npy)")
    return [read_array(path) for path in paths]


def _runs(pieces: Sequence[np.ndarray], batch_size: int) -> Iterator[list[np.ndarray]]:
    """Consecutive rows as lists of parts of pieces, `batch_size` rows in all; the last list may have fewer."""
    parts: list[np.ndarray] = []
    wanted = batch_size
    for piece in pieces:
        start = 0
        while start < len(piece):
            part = piece[start : start + wanted]
            parts.append(part)
            start, wanted = start + len(part), wanted - len(part)
            if wanted == 0:
                yield parts
                parts, wanted = [], batch_size
    if parts:
        yield parts


def _converted(runs: Iterable[list[np.ndarray]], spec: Workload, batch_size: int) -> Iterator[_Batch]:
    """Each run of rows as a batch; batches of the full size are made ahead, in threads."""
    if batch_size < _LARGE_BATCH:
        return (_batch(parts, spec) for parts in runs)
    return in_order(lambda parts: _batch(parts, spec), runs, _AHEAD)


def _batch(parts: Sequence[np.ndarray], spec: Workload) -> _Batch:
    """The rows as a model sees them."""
    dense = spec.data["dense_features"]
    width = dense + spec.data["categorical_features"]
    count = sum(map(len, parts))
    inputs, targets = np.empty((count, width), np.float32), np.empty((count, 1), np.float32)
    first = 0
    for part in parts:
        for start in range(0, len(part), _BLOCK):
            rows = part[start : start + _BLOCK]
            label, *names = rows.dtype.names or ()
            block = inputs[first : first + len(rows)]
            for column, name in enumerate(names):
                block[:, column] = rows[name]
            targets[first : first + len(rows), 0] = rows[label]
            first += len(rows)
    counts = inputs[:, :dense]
    counts += 1
    np.log(counts, out=counts)
    return {"inputs": inputs, "targets": targets}
