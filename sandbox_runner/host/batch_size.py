"""Asking a submission for its batch size in a short container: the one place that hears a workload's name."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox_runner.channel import ChannelClosed
from sandbox_runner.errors import HostFailure
from sandbox_runner.host import instance
from sandbox_runner.host.containers import ContainerEngine, ContainerHandle
from sandbox_runner.host.docker import Role, printable
from sandbox_runner.host.link import Listener, TrainerLink
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.host.snapshot import sealed_bytes
from sandbox_runner.protocol import ProtocolViolation
from workloads import registry

PROBE_S = 40.0  # imports and the call
EXIT_GRACE_S = 5.0
MAX_BATCH_SIZE = 2**24
_TICK_S = 0.2


class BatchSizeRefused(Exception):
    """The submission did not give a usable batch size; the message is for its author."""


class ProbeStopped(Exception):
    """The run is not wanted any more."""


def batch_size(
    trial: TrialPlan,
    bundle: bytes,
    *,
    engine: ContainerEngine,
    image: str,
    sockets: Path,
    is_unwanted: Callable[[], bool] = lambda: False,
) -> int:
    """The global batch size of this trial, scaled by the edition; remembered per submission and image.

    Args:
        is_unwanted: asked several times a second while the probe runs.
    Raises:
        BatchSizeRefused: the submission raised, answered nonsense or did not answer.
        ProbeStopped: the run became unwanted meanwhile.
        HostFailure: the probe container did not start.
    """
    name = trial.workload.name
    memory = _Memory(f"{trial.spec.bundle_sha256}-{trial.edition.name}-{name}-{image.removeprefix('sha256:')[:12]}")
    answer = memory.read()
    if answer is None:
        answer = _probe(trial, bundle, engine=engine, image=image, sockets=sockets, is_unwanted=is_unwanted)
        memory.write(answer)
    size = registry.scaled_batch_size(trial.edition, trial.workload, answer)
    if size > trial.workload.num_train_examples:  # its first batch would not fit into the container, or take for ever
        raise BatchSizeRefused(
            f"get_batch_size answered {answer}, here a batch of {size}: "
            f"more than the {trial.workload.num_train_examples} training examples"
        )
    return size


def _probe(
    trial: TrialPlan,
    bundle: bytes,
    *,
    engine: ContainerEngine,
    image: str,
    sockets: Path,
    is_unwanted: Callable[[], bool],
) -> int:
    with closing(Listener(sockets / "probe", Role.PROBE.uid)) as listener:
        mounts = {listener.directory: "/ctl"}
        container = engine.start(Role.PROBE, trial.spec.attempt, image, trial.hardware.probe, mounts)
        try:
            return _ask(listener, container, trial, bundle, _Patience(is_unwanted))
        finally:
            container.kill()
            container.remove()


class _Patience:
    """How long the probe may still take."""

    def __init__(self, is_unwanted: Callable[[], bool]) -> None:
        self._deadline = time.monotonic() + PROBE_S
        self._is_unwanted = is_unwanted

    def is_over(self) -> bool:
        if self._is_unwanted():
            raise ProbeStopped
        return time.monotonic() >= self._deadline


def _ask(listener: Listener, container: ContainerHandle, trial: TrialPlan, bundle: bytes, patience: _Patience) -> int:
    poller = select.poll()
    poller.register(listener.fileno(), select.POLLIN)
    while not poller.poll(_TICK_S * 1000):
        if container.exit_state() is not None or patience.is_over():
            raise HostFailure(f"the batch size container did not start: {container.log_tail()[-2000:]}")
    link = TrainerLink(listener.accept())
    try:
        if _next(link, patience)["kind"] != "hello":
            raise HostFailure("the batch size container did not say hello: rebuild the images (make setup)")
        with sealed_bytes(bundle) as content:
            link.send("load", fd=content.fd, sha256=trial.spec.bundle_sha256)
        link.send("batch_size", workload=trial.workload.name, base=trial.workload.base)
        message = _next(link, patience)
        while message["kind"] in ("beat", "loaded"):
            message = _next(link, patience)
    except ChannelClosed:
        state = container.wait(EXIT_GRACE_S)
        how = "closed its connection" if state is None else f"ended by itself with status {state.exit_code}"
        raise BatchSizeRefused(f"get_batch_size ended without an answer: the process {how}.") from None
    except ProtocolViolation as error:
        raise BatchSizeRefused(f"get_batch_size ended without an answer: {error}") from None
    finally:
        link.close()
    if message["kind"] == "failed":
        where, text = printable(message["where"]), printable(message["error"])
        raise BatchSizeRefused(f"get_batch_size failed in {where}.\n{text}")
    if message["kind"] != "batch_size_is":
        raise BatchSizeRefused(f"get_batch_size ended without an answer, but with {message['kind']}")
    value: int = message["value"]
    if not 1 <= value <= MAX_BATCH_SIZE:
        raise BatchSizeRefused(f"get_batch_size answered {value}; a batch has 1 to {MAX_BATCH_SIZE} examples")
    return value


def _next(link: TrainerLink, patience: _Patience) -> dict[str, Any]:
    while not patience.is_over():  # asked before every message: a probe that chats on gets no more time either
        if link.wait(_TICK_S):
            return link.receive()
    raise BatchSizeRefused(f"get_batch_size did not answer within {PROBE_S:g} s, imports included")


class _Memory:
    """One remembered answer. The same bytes in the same image always get the same question."""

    def __init__(self, key: str) -> None:
        self._path = instance.state_dir() / "host" / "batch_sizes" / f"{key}.json"

    def read(self) -> int | None:
        try:
            value = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, int) else None

    def write(self, value: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(value))
