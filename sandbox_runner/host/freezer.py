"""Freezing a container through its cgroup, by our own hand.

`docker pause` fails under load and then leaves the container running, so the freezer files are written directly.
Docker does not notice: for it the container is running throughout.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Protocol

from sandbox_runner.errors import FreezeFailed, HostFailure

CGROUP_ROOT = Path("/sys/fs/cgroup")
FREEZE_DEADLINE_S = 10.0
_POLL_S = 0.0005
_RETRY_S = 0.05


class Freezer(Protocol):
    """The cgroup of one container."""

    def freeze(self, deadline_s: float = FREEZE_DEADLINE_S) -> None:
        """Returns when every task stands still; raises FreezeFailed after the deadline, leaving the cgroup thawed."""

    def thaw(self) -> None: ...

    def kill(self) -> None:
        """SIGKILL to every task, then thaw: no instruction of theirs runs again."""

    def cpu_usage_ns(self) -> int:
        """Like `freeze` and `thaw` an OSError once the cgroup has gone with its last process."""

    def oom_kills(self) -> int: ...

    def pids_refused(self) -> int:
        """How often a fork or clone was refused by the pids limit."""


def freezer_for(pid: int, root: Path = CGROUP_ROOT) -> Freezer:
    """The freezer of the container whose first process is `pid`; works for cgroup v1, hybrid and v2."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError as error:
        raise HostFailure(f"the container's first process {pid} is gone: {error}") from None
    paths: dict[str, str] = {}
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path.lstrip("/")
    if "freezer" in paths:
        return FreezerV1(root, paths)
    if "" in paths and (root / paths[""] / "cgroup.freeze").exists():
        return FreezerV2(root / paths[""])
    raise HostFailure(f"no freezer among the cgroups of process {pid}; mount cgroup v1 freezer or cgroup v2")


def _kill_members(procs: Path) -> None:
    for _ in range(100):
        members = procs.read_text().split()
        if not members:
            return
        for member in members:
            try:
                os.kill(int(member), signal.SIGKILL)
            except ProcessLookupError:
                continue
        before = set(members)
        if not set(procs.read_text().split()) - before:  # nobody was born meanwhile
            return


def _count(path: Path, key: str) -> int:
    """The number behind `key` in a flat keyed cgroup file; 0 where kernel or version has no such line or file."""
    try:
        return _value(path.read_text(), key)
    except OSError:
        return 0


def _value(text: str, key: str) -> int:
    for line in text.splitlines():
        name, _space, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


class FreezerV1:
    """cgroup v1 (also the hybrid layout): freezer.state."""

    def __init__(self, root: Path, paths: dict[str, str]) -> None:
        self._directory = root / "freezer" / paths["freezer"]
        self._cpuacct = root / "cpuacct" / paths.get("cpuacct", "")
        self._memory = root / "memory" / paths.get("memory", "")
        self._pids = root / "pids" / paths.get("pids", "")

    def freeze(self, deadline_s: float = FREEZE_DEADLINE_S) -> None:
        state = self._directory / "freezer.state"
        deadline = time.monotonic() + deadline_s
        while True:
            state.write_text("FROZEN")
            retry = min(time.monotonic() + _RETRY_S, deadline)
            while time.monotonic() < retry:
                if state.read_text().strip() == "FROZEN":
                    return
                time.sleep(_POLL_S)
            state.write_text("THAWED")  # a brief thaw lets tasks reach a point where they can freeze
            if time.monotonic() >= deadline:
                raise FreezeFailed(f"the container could not be frozen within {deadline_s:g} s")

    def thaw(self) -> None:
        (self._directory / "freezer.state").write_text("THAWED")

    def kill(self) -> None:
        try:
            _kill_members(self._directory / "cgroup.procs")
            self.thaw()
        except FileNotFoundError:
            return  # the cgroup went with its last task

    def cpu_usage_ns(self) -> int:
        return int((self._cpuacct / "cpuacct.usage").read_text())

    def oom_kills(self) -> int:
        return _count(self._memory / "memory.oom_control", "oom_kill")

    def pids_refused(self) -> int:
        return _count(self._pids / "pids.events", "max")


class FreezerV2:
    """cgroup v2: cgroup.freeze, confirmed by cgroup.events."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def freeze(self, deadline_s: float = FREEZE_DEADLINE_S) -> None:
        (self._directory / "cgroup.freeze").write_text("1")
        deadline = time.monotonic() + deadline_s
        while _value((self._directory / "cgroup.events").read_text(), "frozen") != 1:
            if time.monotonic() >= deadline:
                self.thaw()
                raise FreezeFailed(f"the container could not be frozen within {deadline_s:g} s")
            time.sleep(_POLL_S)

    def thaw(self) -> None:
        (self._directory / "cgroup.freeze").write_text("0")

    def kill(self) -> None:
        try:
            (self._directory / "cgroup.kill").write_text("1")  # also kills frozen tasks
            self.thaw()
        except FileNotFoundError:
            return

    def cpu_usage_ns(self) -> int:
        return _value((self._directory / "cpu.stat").read_text(), "usage_usec") * 1000

    def oom_kills(self) -> int:
        return _count(self._directory / "memory.events", "oom_kill")

    def pids_refused(self) -> int:
        return _count(self._directory / "pids.events", "max")
