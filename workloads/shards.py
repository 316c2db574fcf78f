"""Batches for several devices: cut, stacked or joined. NumPy only.

Graphs cannot be cut like images, because their arrays refer to each other. Their dataset is asked for one small batch
per device instead, which is also how the benchmark batches them.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from workloads.api import GraphsTuple
from workloads.errors import SubmissionError
from workloads.spec import Workload

Batch = dict[str, Any]


def global_batches(
    train_batches: Callable[..., Iterator[Batch]],
    directory: Any,
    spec: Workload,
    batch_size: int,
    seed: int,
    devices: int,
) -> Iterator[Batch | list[Batch]]:
    """What one process with several devices trains on: whole batches, or lists of one batch of graphs per device."""
    if devices == 1 or not has_graphs(spec):
        yield from train_batches(directory, spec, batch_size, seed)
        return
    parts = train_batches(directory, spec, max(1, batch_size // devices), seed)
    while True:
        group = list(itertools.islice(parts, devices))
        if len(group) < devices:
            return
        yield group


def rank_batches(
    train_batches: Callable[..., Iterator[Batch]],
    directory: Any,
    spec: Workload,
    batch_size: int,
    seed: int,
    rank: int,
    ranks: int,
) -> Iterator[Batch]:
    """What one of several processes trains on: every process reads the same order and takes its own turn of it.

    Together the processes see what one process would see; no example is with two of them in one step. A dataset whose
    examples are costly to decode has a keyword `turn` and makes only the batches number rank, rank + ranks, and so on;
    what is random in a batch must then follow from its number, not from the batches before it.
    """
    size = max(1, batch_size // ranks)
    if "turn" in inspect.signature(train_batches).parameters:
        return train_batches(directory, spec, size, seed, turn=(rank, ranks))
    return itertools.islice(train_batches(directory, spec, size, seed), rank, None, ranks)


def check_divisible(batch_size: int, devices: int) -> None:
    """Raises SubmissionError unless every device gets the same number of examples."""
    if batch_size % devices:
        raise SubmissionError(
            f"get_batch_size returned {batch_size}, which {devices} devices cannot share evenly: return a multiple"
        )


def has_graphs(spec: Workload) -> bool:
    return "nodes_per_graph" in spec.data


def cut(batch: Batch, devices: int) -> list[Batch]:
    """A batch without graphs as one batch per device, along the first axis of every array; no copies."""
    if devices == 1:
        return [batch]
    cuts = {key: _cut(value, devices) for key, value in batch.items()}
    return [{key: parts[device] for key, parts in cuts.items()} for device in range(devices)]


def stacked(parts: Sequence[Batch]) -> Batch:
    """One batch whose arrays have the parts along a new first axis."""
    return {key: _combined([part[key] for part in parts], np.stack) for key in parts[0]}


def joined(parts: Sequence[Batch]) -> Batch:
    """One batch with the examples of all parts; graphs keep their nodes, which get new numbers."""
    return {key: _joined([part[key] for part in parts]) for key in parts[0]}


def _joined(values: Sequence[Any]) -> Any:
    if not isinstance(values[0], GraphsTuple):
        return _combined(values, np.concatenate)
    counts = [len(graphs.nodes) for graphs in values]
    offsets = np.cumsum(counts, dtype=np.int32) - np.asarray(counts, np.int32)
    moved = [
        graphs._replace(senders=graphs.senders + offset, receivers=graphs.receivers + offset)
        for graphs, offset in zip(values, offsets, strict=True)
    ]
    return _combined(moved, np.concatenate)


def _combined(values: Sequence[Any], combine: Callable[[Sequence[np.ndarray]], np.ndarray]) -> Any:
    first = values[0]
    if first is None:
        return None
    if isinstance(first, tuple):
        fields = [_combined(field, combine) for field in zip(*values, strict=True)]
        return GraphsTuple(*fields) if isinstance(first, GraphsTuple) else tuple(fields)
    return combine(values)


def _cut(value: Any, devices: int) -> list[Any]:
    if isinstance(value, tuple):
        return [tuple(parts) for parts in zip(*(_cut(part, devices) for part in value), strict=True)]
    return np.split(np.asarray(value), devices)
