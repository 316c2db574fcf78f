"""Pairs of token sequences: sentences of one language and their translations.

A split is a folder of arrays: `inputs.npy` and `targets.npy`, the tokens of all pairs one after the other, and
`inputs_length.npy` and `targets_length.npy` (pairs,), how many of them belong to each. Every sequence ends with its end
token; 0 is no token and pads rows. The order of the pairs is part of the data: training shuffles only nearby ones.

Training packs several pairs into each row; evaluation has one pair per row. Source: AlgoPerf workloads, wmt, "Data".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.batching import generator
from workloads.spec import Workload

SHUFFLE_BUFFER = 1_024  # pairs
_SIDES = ("inputs", "targets")
_Rows = dict[str, np.ndarray]


def train_batches(directory: Path, spec: Workload, batch_size: int, seed: int) -> Iterator[dict[str, Any]]:
    """Endless batches of `batch_size` packed rows from the directory of the training split.

    Yields:
        inputs and targets, each with its `_position` (from 0 for every pair) and `_segmentation` (1 for the first pair
        of a row; 0 where it is padded), and weights, 1 for every target token; all (batch_size, max_length) int32.
    """
    pairs, length = _Pairs.load(directory), spec.data["max_length"]
    order = buffered_order(len(pairs), SHUFFLE_BUFFER, generator(seed))
    groups = (np.fromiter(group, np.int64) for group in _batched(order, length))
    pending: list[_Rows] = []
    while True:
        pending.append(pack(pairs, next(groups), length))
        if sum(len(rows["inputs"]) for rows in pending) < batch_size:
            continue
        rows = {key: np.concatenate([part[key] for part in pending]) for key in pending[0]}
        full = len(rows["inputs"]) // batch_size * batch_size
        for first in range(0, full, batch_size):
            batch: dict[str, Any] = {key: array[first : first + batch_size] for key, array in rows.items()}
            yield {**batch, "weights": (batch["targets"] > 0).astype(np.int32)}
        pending = [{key: array[full:] for key, array in rows.items()}]


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[dict[str, Any]]:
    """Every pair of a split once, in order, one per row.

    Yields:
        inputs and targets (batch_size, max_length) int32; weights of that shape, float32: 1 for every target token.
    """
    pairs, length = _Pairs.load(directory), spec.data["max_length"]
    for first in range(0, len(pairs), batch_size):
        chosen = np.arange(first, min(first + batch_size, len(pairs)))
        rows = {side: np.zeros((batch_size, length), np.int32) for side in _SIDES}
        for side in _SIDES:
            tokens, column, counts = pairs.tokens(side, chosen, length)
            rows[side][np.repeat(np.arange(len(chosen)), counts), column] = tokens
        yield {**rows, "weights": (rows["targets"] > 0).astype(np.float32)}


def buffered_order(count: int, buffer: int, random: np.random.Generator) -> Iterator[int]:
    """0 to count - 1, again and again; each next one is drawn from the `buffer` that are first in line."""
    while True:
        waiting = list(range(min(buffer, count)))
        draws = random.random(count)
        for position, draw in enumerate(draws, start=len(waiting)):
            index = int(draw * len(waiting))
            yield waiting[index]
            if position < count:
                waiting[index] = position
            else:
                waiting[index] = waiting[-1]
                waiting.pop()


def pack(pairs: _Pairs, chosen: np.ndarray, length: int) -> _Rows:
    """Rows (rows, length) int32 that hold the chosen pairs in order: a pair that does not fit starts a new row.

    A side that is longer than a row is cut; prepared data has none.
    """
    counts = {side: np.minimum(pairs.lengths[side][chosen].astype(np.int64), length) for side in _SIDES}
    row, segment = _places(counts["inputs"].tolist(), counts["targets"].tolist(), length)
    rows: _Rows = {}
    for side in _SIDES:
        tokens, position, _ = pairs.tokens(side, chosen, length)
        # Where each pair starts in its row: what the pairs before it in the same row take.
        before = np.cumsum(counts[side]) - counts[side]
        start = before - before[np.flatnonzero(segment == 1)[row]]
        where = np.repeat(row, counts[side]), np.repeat(start, counts[side]) + position
        values = {side: tokens, f"{side}_position": position, f"{side}_segmentation": np.repeat(segment, counts[side])}
        for key, array in values.items():
            rows[key] = np.zeros((row[-1] + 1, length), np.int32)
            rows[key][where] = array
    return rows


def _places(inputs: list[int], targets: list[int], length: int) -> tuple[np.ndarray, np.ndarray]:
    """The row of each pair, from 0, and its number there, from 1."""
    row, segment, used_inputs, used_targets = 0, 0, 0, 0
    places = []
    for input_count, target_count in zip(inputs, targets, strict=True):
        if segment and (used_inputs + input_count > length or used_targets + target_count > length):
            row, segment, used_inputs, used_targets = row + 1, 0, 0, 0
        segment, used_inputs, used_targets = segment + 1, used_inputs + input_count, used_targets + target_count
        places.append((row, segment))
    rows, segments = np.array(places).T
    return rows, segments


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """A split; the tokens stay on the disk until they are read."""

    flat: dict[str, np.ndarray]
    lengths: dict[str, np.ndarray]
    first: dict[str, np.ndarray]  # where each sequence starts in the flat tokens

    @classmethod
    def load(cls, directory: Path) -> _Pairs:
        lengths = {side: np.load(directory / f"{side}_length.npy") for side in _SIDES}
        return cls(
            flat={side: np.load(directory / f"{side}.npy", mmap_mode="r") for side in _SIDES},
            lengths=lengths,
            first={side: np.cumsum(counts, dtype=np.int64) - counts for side, counts in lengths.items()},
        )

    def __len__(self) -> int:
        return len(self.lengths["inputs"])

    def tokens(self, side: str, chosen: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tokens of the chosen sequences joined, each one's position, and how many each sequence has."""
        counts = np.minimum(self.lengths[side][chosen].astype(np.int64), length)
        ends = np.cumsum(counts)
        position = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        return self.flat[side][np.repeat(self.first[side][chosen], counts) + position], position, counts


def _batched(values: Iterator[int], count: int) -> Iterator[Iterator[int]]:
    while True:
        yield itertools.islice(values, count)
