"""Decoding ahead, in order: threads prepare examples while the model trains. Standard library only.

Trainer containers carry it beside one dataset file. Decoders of images and sound leave the interpreter while they work,
so threads are enough, and nothing has to be copied between processes. The order, and with it every batch, is that of
the items, whatever the number of threads; what is random about an example has to follow from its item alone.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    decode: Callable[[Item], Result], items: Iterable[Item], ahead: int, workers: int | None = None
) -> Iterator[Result]:
    """`decode(item)` for every item, in the order of the items, which may be endless.

    Args:
        decode: runs in threads; what it raises is raised when its item's turn has come.
        ahead: how many items at most are decoded or waiting before they are asked for; bounds the memory.
        workers: threads; one per core of this process when None.
    """
    waiting = iter(items)
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers or cores(), thread_name_prefix="decode")
    try:
        while True:
            pending.extend(pool.submit(decode, item) for item in itertools.islice(waiting, ahead + 1 - len(pending)))
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def in_batches(
    decode: Callable[[Item], Result], batches: Iterable[Sequence[Item]], ahead: int, workers: int | None = None
) -> Iterator[list[Result]]:
    """The decoded items of every batch; `ahead`, in items, reaches into the batches that follow. No batch is empty."""
    sizes: deque[int] = deque()

    def items() -> Iterator[Item]:
        for batch in batches:
            sizes.append(len(batch))
            yield from batch

    results = in_order(decode, items(), ahead, workers)
    for first in results:
        yield [first, *itertools.islice(results, sizes.popleft() - 1)]


def prefetched(batches: Iterator[Result], ahead: int = 1) -> Iterator[Result]:
    """The same batches, `ahead` of them made by a thread before they are asked for.

    Worth its thread where a step leaves a core idle, as with an accelerator; on a machine whose cores all train, the
    thread takes from them what it saves.
    """
    nothing = object()
    for batch in in_order(lambda _: next(batches, nothing), itertools.repeat(None), ahead, workers=1):
        if batch is nothing:
            return
        yield batch  # type: ignore[misc]  # not `nothing`, so a batch


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))
