"""What the kernel says about processes, read so that a process may end while it is looked at."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.05
_KILL_TIMEOUT_S = 30.0


def read(path: Path) -> str:
    """The text of a file of the kernel, empty when its process or group has gone."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def command_line(pid: int) -> list[str]:
    """Program and arguments, empty for a process that has gone."""
    return read(Path(f"/proc/{pid}/cmdline")).split("\0")[:-1]


def is_alive(pid: int) -> bool:
    """False for a process that has ended, also when nobody has collected it yet."""
    state = read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].strip()[:1]
    if not state:
        return False
    if state in "ZX":
        with suppress(ChildProcessError):  # Only the process that started it can collect it.
            os.waitpid(pid, os.WNOHANG)
        return False
    return True


def wait_until_gone(pid: int, timeout_s: float) -> bool:
    """False when the process is still there after that time."""
    deadline = time.monotonic() + timeout_s
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def kill(pid: int) -> None:
    """End a process that must not say a word about it."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until_gone(pid, _KILL_TIMEOUT_S)
