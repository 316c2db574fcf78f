"""Removing what an earlier run left behind: containers, sockets and folders of this instance only."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox_runner.errors import HostFailure
from sandbox_runner.host import instance
from sandbox_runner.host.docker import Engine

KEEP_RUNS_S = 7 * 24 * 3600
_LOCK = "lock"


@contextmanager
def run_directory(run_id: str) -> Iterator[Path]:
    """The folder of one run, locked for as long as its supervisor lives: how others know that it does."""
    directory = instance.runs_dir() / run_id
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)  # containers reach the mounted folders inside, nobody lists them
    with (directory / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HostFailure(f"run {run_id} already has a supervisor on this host") from None
        try:
            yield directory
        finally:
            _remove_sockets(run_id)


def is_supervised(run_id: str) -> bool:
    """True while a supervisor of this run lives."""
    try:
        descriptor = os.open(instance.runs_dir() / run_id / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def reap(engine: Engine) -> list[str]:
    """Removes containers whose supervisor is gone, and old run folders; returns the run ids that were cleaned."""
    cleaned = []
    for run_id, containers in engine.containers().items():
        if run_id and is_supervised(run_id):
            continue
        for container in containers:
            container.remove()
        cleaned.append(run_id)
    _remove_old_runs()
    return cleaned


def _remove_old_runs() -> None:
    if not instance.runs_dir().is_dir():
        return
    for directory in instance.runs_dir().iterdir():
        if is_supervised(directory.name):
            continue
        _remove_sockets(directory.name)
        if time.time() - directory.stat().st_mtime > KEEP_RUNS_S:
            shutil.rmtree(directory, ignore_errors=True)


def _remove_sockets(run_id: str) -> None:
    shutil.rmtree(instance.socket_dir(run_id), ignore_errors=True)
    for name in ("task", "train"):
        shutil.rmtree(instance.runs_dir() / run_id / name, ignore_errors=True)
