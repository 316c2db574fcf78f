"""Read speech and what is said, in tokens.

A split is a folder of arrays: `samples.npy`, sound at the workload's rate, int16; `parts.npy` (parts, 2), stretches of
it, first sample and number of samples; `num_parts.npy` (utterances,), how many stretches behind each other make an
utterance: one where it was recorded, several where it is put together; `tokens.npy`, the texts of all utterances, each
with the token of its end, and `num_tokens.npy` (utterances,). Or several such sets, each with names that begin with a
word of its own and a dot.

Batches are float32, sound and tokens alike, and have one length; paddings beside them are 1 where nothing is. Source:
AlgoPerf workloads, speech recognition, "Batch".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.batching import array_files, generator, read_array, shuffled_indices
from workloads.decoding import in_order
from workloads.errors import DataMissing
from workloads.spec import Workload

_LARGE_BATCH = 1 << 22  # samples
_AHEAD = 2  # batches


def train_batches(
    directory: Path, spec: Workload, batch_size: int, seed: int, turn: tuple[int, int] = (0, 1)
) -> Iterator[dict[str, Any]]:
    """Endless shuffled batches from the directory of the training split.

    Args:
        turn: (first, step): only the batches of these numbers are made; see `workloads.shards.rank_batches`.
    Yields:
        inputs, sound (batch_size, max_samples) and its paddings; targets, tokens (batch_size, max_targets) and theirs.
    """
    speech = Speech.load(directory)
    order = shuffled_indices(len(speech), batch_size, generator(seed))
    yield from _batches(speech, itertools.islice(order, turn[0], None, turn[1]), spec, batch_size)


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[dict[str, Any]]:
    """Every utterance of a split once, in order; rows that pad the last batch are padding throughout, of weight 0."""
    speech = Speech.load(directory)
    starts = range(0, len(speech), batch_size)
    order = (np.arange(start, min(start + batch_size, len(speech))) for start in starts)
    for start, batch in zip(starts, _batches(speech, order, spec, batch_size), strict=True):
        weights = (np.arange(start, start + batch_size) < len(speech)).astype(np.float32)
        yield {**batch, "weights": weights}


@dataclass(frozen=True, kw_only=True)
class Speech:
    """A split; its sound stays on the disk until it is read."""

    samples: Sequence[np.ndarray]  # of each set
    parts: np.ndarray  # (parts, 3): set, first sample, number of samples
    part_starts: np.ndarray  # (utterances + 1,)
    tokens: np.ndarray
    token_starts: np.ndarray  # (utterances + 1,)

    @classmethod
    def load(cls, directory: Path) -> Speech:
        sets = [path.name.removesuffix("samples.npy") for path in array_files(directory, "*samples.npy")]
        if not sets:
            raise DataMissing(f"{directory} holds no samples.npy: make its data again")

        def joined(name: str) -> np.ndarray:
            return np.concatenate([read_array(directory / f"{word}{name}.npy") for word in sets])

        counts = [len(read_array(directory / f"{word}parts.npy")) for word in sets]
        numbers = np.repeat(np.arange(len(sets)), counts)
        return cls(
            samples=[read_array(directory / f"{word}samples.npy") for word in sets],
            parts=np.column_stack([numbers, joined("parts")]).astype(np.int64),
            part_starts=_starts(joined("num_parts")),
            tokens=joined("tokens").astype(np.float32),
            token_starts=_starts(joined("num_tokens")),
        )

    def __len__(self) -> int:
        return len(self.part_starts) - 1

    def sound(self, utterance: int) -> np.ndarray:
        """(samples,) int16."""
        parts = self.parts[self.part_starts[utterance] : self.part_starts[utterance + 1]]
        return np.concatenate([self.samples[number][first : first + count] for number, first, count in parts])

    def text(self, utterance: int) -> np.ndarray:
        """(tokens,) float32."""
        return self.tokens[self.token_starts[utterance] : self.token_starts[utterance + 1]]


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _batches(speech: Speech, order: Iterable[np.ndarray], spec: Workload, batch_size: int) -> Iterator[dict[str, Any]]:
    """One batch for every array of utterances; large ones are made ahead, in threads."""
    if batch_size * spec.data["max_samples"] < _LARGE_BATCH:
        return (_batch(speech, chosen, spec, batch_size) for chosen in order)
    return in_order(lambda chosen: _batch(speech, chosen, spec, batch_size), order, _AHEAD)


def _batch(speech: Speech, chosen: np.ndarray, spec: Workload, batch_size: int) -> dict[str, Any]:
    sounds = [speech.sound(utterance) for utterance in chosen]
    texts = [speech.text(utterance) for utterance in chosen]
    return {
        "inputs": _padded(sounds, batch_size, spec.data["max_samples"]),
        "targets": _padded(texts, batch_size, spec.data["max_targets"]),
    }


def _padded(rows: list[np.ndarray], count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, length) float32 twice: the rows with zeros behind them, and ones where these zeros are."""
    values, paddings = np.zeros((count, length), np.float32), np.ones((count, length), np.float32)
    for number, row in enumerate(rows):
        values[number, : len(row)] = row
        paddings[number, : len(row)] = 0
    return values, paddings
