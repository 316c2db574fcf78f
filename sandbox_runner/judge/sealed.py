"""Reads a sealed snapshot: bytes that nobody can change any more, mapped read-only."""

from __future__ import annotations

import fcntl
import mmap
import os

from sandbox_runner.judge.errors import NotSealed

ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed_bytes(fd: int, nbytes: int) -> memoryview:
    """The content of the memfd behind `fd`, which is closed. The mapping goes when nobody looks at it any more.

    Raises:
        NotSealed: a seal is missing, or the file does not have exactly `nbytes` bytes.
    """
    try:
        if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & ALL_SEALS != ALL_SEALS:  # a trainer may have added others: no harm
            raise NotSealed("the snapshot is not sealed")
        size = os.fstat(fd).st_size
        if size != nbytes:
            raise NotSealed(f"the snapshot has {size} bytes, the model has {nbytes}")
        if size == 0:
            return memoryview(b"")  # nothing to map
        return memoryview(mmap.mmap(fd, size, prot=mmap.PROT_READ))
    finally:
        os.close(fd)
