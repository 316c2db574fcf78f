"""Child processes that end when they are told to, and do not outlive us when we are killed."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leaderboard.errors import LeaderboardError

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


class ProcessFailed(LeaderboardError):
    """A process did not start or ended by itself; the message ends with what it wrote last."""


@dataclass(kw_only=True)
class Child:
    """One process in a session of its own, so that Ctrl-C reaches it only through us, in order."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    stop_s: float
    user: int | None = None  # uid to become; None: as we are
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
                user=self.user,
                group=None if self.user is None else _group_of(self.user),
                extra_groups=None if self.user is None else [],
                preexec_fn=_die_with_parent,
            )

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self, *, hurry: bool = False) -> None:
        """SIGTERM, some patience, SIGKILL to its whole session."""
        if self.process is None:
            return
        if self.process.poll() is None:
            send_signal(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5 if hurry else self.stop_s)
        send_signal(-self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_lines(self, count: int = 15) -> str:
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - 16_384))
                lines = stream.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-count:])


def become_subreaper() -> None:
    """Orphaned grandchildren become our children, so that none is left behind when we end."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(patience_s: float) -> int:
    """Ends every process that is still below us; returns how many there were. For the very end of a shutdown."""
    left = _children()
    for pid in left:
        send_signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while _reap() and time.monotonic() < deadline:
        time.sleep(0.1)
    while remaining := _reap():  # killing one may hand us its children
        for pid in remaining:
            send_signal(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(left)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _group_of(uid: int) -> int:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def send_signal(pid: int, number: int) -> None:
    """Signals a process, or a whole session when negative; one that runs as root through sudo when need be."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        subprocess.run(["sudo", "--non-interactive", "kill", f"-{number}", "--", str(pid)], check=False)


def _children() -> list[int]:
    """Process ids of our children that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended meanwhile
        if int(parent) == os.getpid() and state not in "ZX":
            found.append(int(entry.name))
    return found


def _reap() -> list[int]:
    """Collects children that have ended; returns those that still run."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    return _children()
