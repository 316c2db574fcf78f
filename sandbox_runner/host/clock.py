"""The only clock a score comes from, and the journal that proves what it did.

CLOCK_BOOTTIME of the host, read by the supervisor alone. The clock starts when the submission's bytes are handed
over, stops when a snapshot is sealed, and starts again before the trainer is thawed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox_runner.errors import ClockMisuse, JournalBroken

NANOSECONDS = 1_000_000_000
GENESIS = "0" * 64


def now_ns() -> int:
    """Nanoseconds since boot, counting suspension; no wall-clock jump can move it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class ChargedClock:
    """A ledger of charged intervals. It runs or it stands; every other order of calls is a bug and raises."""

    def __init__(self, now: Callable[[], int] = now_ns) -> None:
        self._now = now
        self._closed_ns = 0
        self._running_since: int | None = None
        self._stopped_at: int | None = None
        self.intervals: list[tuple[int, int]] = []

    @property
    def is_running(self) -> bool:
        return self._running_since is not None

    @property
    def charged_ns(self) -> int:
        """The reading now; while the clock stands, the reading at the last stop."""
        if self._running_since is None:
            return self._closed_ns
        return self._closed_ns + self._now() - self._running_since

    @property
    def charged_s(self) -> float:
        return self.charged_ns / NANOSECONDS

    def start(self) -> None:
        if self._running_since is not None:
            raise ClockMisuse("the clock already runs")
        self._running_since = self._now()

    def stop(self) -> float:
        """Stops the clock and returns its reading in seconds."""
        if self._running_since is None:
            raise ClockMisuse("the clock does not run")
        stopped_at = self._now()
        self._close(self._running_since, stopped_at)
        self._running_since, self._stopped_at = None, stopped_at
        return self.charged_s

    def charge_standstill(self) -> float:
        """Charges the time since the last stop, because the trainer did not stand still in it; seconds charged."""
        if self._running_since is not None or self._stopped_at is None:
            raise ClockMisuse("there is no standstill to charge")
        started, self._stopped_at = self._stopped_at, self._now()
        self._close(started, self._stopped_at)
        return (self._stopped_at - started) / NANOSECONDS

    def _close(self, started: int, stopped: int) -> None:
        self.intervals.append((started, stopped))
        self._closed_ns += stopped - started


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Journal:
    """Append-only JSON lines, each holding the hash of the line before it, synced to disk before the call returns."""

    def __init__(self, path: Path, now: Callable[[], int] = now_ns) -> None:
        self._now = now
        self._boot = boot_id()
        self.head = GENESIS
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600)

    def write(self, event: str, **facts: Any) -> None:
        record = {"event": event, "boot": self._boot, "ns": self._now(), "previous": self.head, **facts}
        line = json.dumps(record, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
        os.write(self._descriptor, line + b"\n")
        os.fsync(self._descriptor)
        self.head = hashlib.sha256(line).hexdigest()

    def close(self) -> None:
        os.close(self._descriptor)


def verify_journal(path: Path) -> str:
    """The head of an unbroken chain; raises JournalBroken naming the first line that does not follow."""
    head = GENESIS
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            previous = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            raise JournalBroken(f"{path.name}: line {number} is not a journal record") from None
        if previous != head:
            raise JournalBroken(f"{path.name}: line {number} does not follow line {number - 1}")
        head = hashlib.sha256(line).hexdigest()
    return head
