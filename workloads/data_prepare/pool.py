"""Worker processes for parts, with a bound on what is under way."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from workloads.data_prepare.manifest import Done
from workloads.data_prepare.parts import Part
from workloads.errors import DataError

Outcome = Done | DataError


def results(do: Callable[[Part], Done], parts: Sequence[Part], workers: int) -> Iterator[tuple[Part, Outcome]]:
    """(part, what came of it) in the order in which they are ready; errors of the data are outcomes, others pass.

    Args:
        do: picklable; runs in a worker, or here with one worker.
        workers: processes; at most two parts for each are under way.
    """
    if workers <= 1:
        yield from ((part, _attempt(do, part)) for part in parts)
        return
    waiting = iter(parts)
    running: dict[Future[Outcome], Part] = {}
    # Fresh processes instead of copies of this one, which may hold locks of threads that the copy would not have.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    try:
        while True:
            while len(running) < 2 * workers:
                part = next(waiting, None)
                if part is None:
                    break
                running[pool.submit(_attempt, do, part)] = part
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _attempt(do: Callable[[Part], Done], part: Part) -> Outcome:
    try:
        return do(part)
    except DataError as error:
        return error


def _end_with_parent() -> None:
    """Lets a worker die with a parent that was killed, instead of writing on beside the next run."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
