"""A Docker engine that answers: one that is there already, or the project's own, stopped by its last user.

Users of the project's own engine hold a shared lock on `users.lock`; whoever leaves last stops it. Starting and
stopping happen under the exclusive `start.lock`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox_runner.errors import EngineUnavailable
from sandbox_runner.host import dockerd
from sandbox_runner.host.engine_ping import answers

SYSTEM_SOCKET = Path("/var/run/docker.sock")


@contextmanager
def running() -> Iterator[str]:
    """The base URL of an engine that answers for as long as the block lasts.

    In this order: `ALGOPERF_DOCKER_HOST` (which then has to answer), the project's own engine when it runs, the
    system's engine, else the project's own engine is started. It is stopped by its last user, however that one ends.

    Raises:
        EngineUnavailable: nothing answers and nothing could be started; the message says what to do.
    """
    named = os.environ.get("ALGOPERF_DOCKER_HOST")
    if named:
        if not answers(named):
            raise EngineUnavailable(
                f"ALGOPERF_DOCKER_HOST names {named}, where no Docker engine answers: start it or unset it"
            )
        yield named
        return
    if dockerd.pid() is None and answers(f"unix://{SYSTEM_SOCKET}"):
        yield f"unix://{SYSTEM_SOCKET}"
        return
    _require_root()
    dockerd.folder().mkdir(parents=True, exist_ok=True, mode=0o711)
    users = os.open(dockerd.folder() / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _join(users)
        try:
            yield dockerd.url()
        finally:
            _leave(users)
    finally:
        os.close(users)


def _join(users: int) -> None:
    """Count this process among the users and make sure that the engine runs."""
    with _exclusive():
        process = dockerd.pid()
        if process is None or not dockerd.wait_until_it_answers(process):
            dockerd.start()
        fcntl.flock(users, fcntl.LOCK_SH)


def _leave(users: int) -> None:
    """Stop counting this process; the last one switches the light off."""
    with _exclusive():
        # A forked child may hold a copy of the descriptor, so closing it would not be enough.
        fcntl.flock(users, fcntl.LOCK_UN)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        dockerd.stop()


@contextmanager
def _exclusive() -> Iterator[None]:
    """One process at a time starts or stops the engine."""
    lock = os.open(dockerd.folder() / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise EngineUnavailable(
            "no Docker engine answers and starting the project's own needs root: run this with sudo, "
            "or name an engine in ALGOPERF_DOCKER_HOST"
        )
