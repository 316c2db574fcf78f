"""What the host side needs of containers, whichever engine runs them; tests run processes instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox_runner.host.docker import ExitState, Role
from sandbox_runner.host.hardware import ContainerLimits


class ContainerHandle(Protocol):
    """What the supervisor needs of a container."""

    @property
    def pid(self) -> int: ...

    def exit_state(self) -> ExitState | None: ...

    def wait(self, deadline_s: float) -> ExitState | None: ...

    def log_tail(self) -> str: ...

    def kill(self) -> None: ...

    def remove(self) -> None: ...


class ContainerEngine(Protocol):
    """What the supervisor needs of an engine."""

    def start(
        self, role: Role, run_id: str, image: str, limits: ContainerLimits, mounts: Mapping[Path, str]
    ) -> ContainerHandle: ...


@dataclass(frozen=True, kw_only=True)
class Images:
    """Image digests; a tag can move, a digest cannot."""

    trainer: str
    judge: str
