"""Sealed memfds: bytes that the kernel itself refuses to change.

The supervisor makes the file, the trainer only writes into it. After the freeze the write seal is added; the kernel
refuses it (EBUSY) while any writable mapping or pinned page exists, and refuses every later write (EPERM).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import time

from sandbox_runner.errors import SealFailed

ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
SEAL_DEADLINE_S = 1.0
_RETRY_S = 0.005


class Snapshot:
    """One snapshot file of a fixed size; closes its descriptor at the end of a `with` block."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.fd = os.memfd_create("snapshot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, nbytes)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        if nbytes:
            os.posix_fallocate(self.fd, 0, nbytes)  # pages exist before the trainer writes: less charged time

    def seal(self, deadline_s: float = SEAL_DEADLINE_S) -> None:
        """Makes the bytes immutable. SealFailed when a mapping, a pinned page or a foreign seal prevents it."""
        deadline = time.monotonic() + deadline_s
        while True:
            try:
                fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL)
                break
            except OSError as error:
                if error.errno == errno.EPERM:
                    raise SealFailed("somebody else sealed the snapshot first") from None
                if error.errno != errno.EBUSY:
                    raise
                if time.monotonic() >= deadline:
                    raise SealFailed("the snapshot is still mapped or pinned by the trainer") from None
                time.sleep(_RETRY_S)
        if not is_sealed(self.fd) or os.fstat(self.fd).st_size != self.nbytes:
            raise SealFailed("the snapshot is not what was handed out")

    def sha256(self) -> str:
        if not self.nbytes:
            return hashlib.sha256().hexdigest()
        with mmap.mmap(self.fd, self.nbytes, prot=mmap.PROT_READ) as view:
            return hashlib.sha256(view).hexdigest()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_sealed(fd: int) -> bool:
    """True when neither size nor content can change any more."""
    return fcntl.fcntl(fd, fcntl.F_GET_SEALS) & ALL_SEALS == ALL_SEALS


def sealed_bytes(content: bytes) -> Snapshot:
    """A sealed snapshot holding `content`: how the submission itself is handed over."""
    snapshot = Snapshot(len(content))
    view = memoryview(content)
    written = 0
    while written < len(content):
        written += os.pwrite(snapshot.fd, view[written:], written)
    snapshot.seal()
    return snapshot
