"""Pairs of token sequences: sentences of one language and their translations.

A split is a folder of arrays: `inputs.npy` and `targets.npy`, the tokens of all pairs one after the other, and
`inputs_length.npy` and `targets_length.npy` (pairs,), how many of them belong to each; or several such sets, each with
names that begin with a word of its own and a dot. Every sequence ends with its end token; 0 is no token and pads rows.

Pairs with a side that is longer than a row are left out. Training packs several pairs into each row; evaluation has one
pair per row. Source: AlgoPerf workloads, translation, "Data".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.batching import array_files, generator, read_array
from workloads.errors import DataMismatch
from workloads.spec import Workload

SHUFFLE_BUFFER = 1_024  # pairs
_ORDER_SEED = 0
_SIDES = ("inputs", "targets")
_Rows = dict[str, np.ndarray]


def train_batches(directory: Path, spec: Workload, batch_size: int, seed: int) -> Iterator[dict[str, Any]]:
    """Endless batches of `batch_size` packed rows from the directory of the training split.

    Yields:
        inputs and targets, each with its `_position` (from 0 for every pair) and `_segmentation` (1 for the first pair
        of a row; 0 where it is padded), and weights, 1 for every target token; all (batch_size, max_length) int32.
    """
    length = spec.data["max_length"]
    pairs = Pairs.load(directory, length)
    order = buffered_order(stored_order(len(pairs)), SHUFFLE_BUFFER, generator(seed))
    pending: list[_Rows] = []
    while True:
        pending.append(pack(pairs, np.fromiter(itertools.islice(order, length), np.int64), length))
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
    length = spec.data["max_length"]
    pairs = Pairs.load(directory, length)
    for first in range(0, len(pairs), batch_size):
        chosen = np.arange(first, min(first + batch_size, len(pairs)))
        rows = {side: np.zeros((batch_size, length), np.int32) for side in _SIDES}
        for side in _SIDES:
            tokens, column, counts = pairs.tokens(side, chosen)
            rows[side][np.repeat(np.arange(len(chosen)), counts), column] = tokens
        yield {**rows, "weights": (rows["targets"] > 0).astype(np.float32)}


def stored_order(count: int) -> np.ndarray:
    """The order in which the pairs of training are told, the same for all: the files bring one source after another."""
    return np.random.default_rng(_ORDER_SEED).permutation(count)


def buffered_order(order: np.ndarray, buffer: int, random: np.random.Generator) -> Iterator[int]:
    """The values of `order`, again and again; each next one is drawn from the `buffer` that are first in line."""
    while True:
        waiting = order[:buffer].tolist()
        for value in order[buffer:]:
            index = int(random.random() * buffer)
            yield waiting[index]
            waiting[index] = int(value)
        random.shuffle(waiting)
        yield from waiting


def pack(pairs: Pairs, chosen: np.ndarray, length: int) -> _Rows:
    """Rows (rows, length) int32 that hold the chosen pairs in order: a pair that does not fit starts a new row."""
    row, segment = _places(*(pairs.lengths[side][chosen].tolist() for side in _SIDES), length=length)
    rows: _Rows = {}
    for side in _SIDES:
        tokens, position, counts = pairs.tokens(side, chosen)
        # Where each pair starts in its row: what the pairs before it in the same row take.
        before = np.cumsum(counts) - counts
        start = before - before[np.flatnonzero(segment == 1)[row]]
        where = np.repeat(row, counts), np.repeat(start, counts) + position
        values = {side: tokens, f"{side}_position": position, f"{side}_segmentation": np.repeat(segment, counts)}
        for key, array in values.items():
            rows[key] = np.zeros((row[-1] + 1, length), np.int32)
            rows[key][where] = array
    return rows


def _places(inputs: list[int], targets: list[int], *, length: int) -> tuple[np.ndarray, np.ndarray]:
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
class Pairs:
    """A split without the pairs that are too long for it; the tokens stay on the disk until they are read."""

    parts: Mapping[str, Sequence[np.ndarray]]  # by side: the tokens of each file
    lengths: Mapping[str, np.ndarray]  # by side: of each pair
    starts: Mapping[str, np.ndarray]  # by side: where each pair's tokens begin, the files joined
    part_starts: Mapping[str, np.ndarray]  # by side: where each file begins, likewise

    @classmethod
    def load(cls, directory: Path, longest: int) -> Pairs:
        """Reads the folder of a split; pairs with a side of more than `longest` tokens are left out."""
        lengths = {side: _joined(directory, f"{side}_length").astype(np.int64) for side in _SIDES}
        short = np.flatnonzero(np.maximum(lengths["inputs"], lengths["targets"]) <= longest)
        if not len(short):
            raise DataMismatch(f"{directory} has no pair of at most {longest} tokens: make its data again")
        parts = {side: _parts(directory, side) for side in _SIDES}
        return cls(
            parts=parts,
            lengths={side: lengths[side][short] for side in _SIDES},
            starts={side: (np.cumsum(lengths[side]) - lengths[side])[short] for side in _SIDES},
            part_starts={side: np.cumsum([0, *map(len, arrays)])[:-1] for side, arrays in parts.items()},
        )

    def __len__(self) -> int:
        return len(self.lengths["inputs"])

    def sequence(self, side: str, pair: int) -> list[int]:
        """The tokens of one side of a pair."""
        tokens, _, _ = self.tokens(side, np.array([pair]))
        found: list[int] = tokens.tolist()
        return found

    def tokens(self, side: str, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tokens of the chosen sequences joined, each one's position, and how many each sequence has."""
        counts, starts = self.lengths[side][chosen], self.starts[side][chosen]
        part = np.searchsorted(self.part_starts[side], starts, side="right") - 1
        first = starts - self.part_starts[side][part]
        places = zip(part.tolist(), first.tolist(), (first + counts).tolist(), strict=True)
        tokens = np.concatenate([self.parts[side][number][start:end] for number, start, end in places])
        ends = np.cumsum(counts)
        return tokens, np.arange(ends[-1]) - np.repeat(ends - counts, counts), counts


def _joined(directory: Path, stem: str) -> np.ndarray:
    return np.concatenate(_parts(directory, stem))


def _parts(directory: Path, stem: str) -> list[np.ndarray]:
    """The arrays of one kind, one per file; the files of a part of the split share what stands before the kind."""
    paths = array_files(directory, f"*.{stem}.npy") or [directory / f"{stem}.npy"]
    return [read_array(path) for path in paths]
