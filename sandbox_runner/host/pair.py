"""The two containers of a trial, from their start to their removal.

`set_up` ends with the proof that both start from the same weights. Until then only trusted code runs in the trainer, so
whatever goes wrong is the host's fault.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox_runner import protocol
from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.errors import FreezeFailed, HostFailure, SandboxError
from sandbox_runner.host import plan
from sandbox_runner.host.clock import Journal
from sandbox_runner.host.containers import ContainerEngine, ContainerHandle, Images
from sandbox_runner.host.docker import Role
from sandbox_runner.host.freezer import Freezer
from sandbox_runner.host.hardware import ContainerLimits
from sandbox_runner.host.link import JudgeLink, Listener, TrainerLink, close_aside
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.host.snapshot import Snapshot
from sandbox_runner.protocol import ProtocolViolation
from workloads.metrics import VOCABULARY

_LOG_TAIL_CHARACTERS = 2000


class ContainerPair:
    """Trainer and judge. `trainer`, `judge`, `freezer` and `nbytes` are there once `set_up` has returned."""

    trainer: TrainerLink
    judge: JudgeLink
    freezer: Freezer
    nbytes: int  # of a snapshot

    def __init__(
        self,
        trial: TrialPlan,
        *,
        images: Images,
        engine: ContainerEngine,
        journal: Journal,
        directory: Path,
        sockets: Path,
        freezer_of: Callable[[int], Freezer],
        check: Callable[[], None],
    ) -> None:
        """
        Args:
            check: called again and again while this waits; raises to end the trial.
        """
        self._plan = trial
        self._images = images
        self._engine = engine
        self._journal = journal
        self._directory = directory
        self._sockets = sockets
        self._freezer_of = freezer_of
        self._check = check
        self._containers: dict[Role, ContainerHandle] = {}
        self._sockets_open = contextlib.ExitStack()

    def container(self, role: Role) -> ContainerHandle:
        return self._containers[role]

    @property
    def is_ready(self) -> bool:
        """Whether the trainer may be frozen, and so whether a submission can have run."""
        return hasattr(self, "freezer")

    # --- from nothing to two equal models -----------------------------------------------------------------------

    def set_up(self, batch_size: int) -> None:
        """Raises HostFailure when a container, its data, its model or its freezer is not what it should be."""
        hardware, spec, workload = self._plan.hardware, self._plan.spec, self._plan.workload
        deadline = time.monotonic() + hardware.setup_s
        judge_socket, trainer_socket = self._listen(Role.JUDGE), self._listen(Role.TRAINER)
        self._start_judge(judge_socket)
        self._start_trainer(trainer_socket)
        self.judge = JudgeLink(self._accept(judge_socket, Role.JUDGE, deadline))
        self.judge.receive("hello", deadline - time.monotonic(), self._check)
        self.judge.send("setup", workload=workload.as_json(), framework=spec.framework, seed=spec.seed)
        self.trainer = TrainerLink(self._accept(trainer_socket, Role.TRAINER, deadline))
        hello = self._await("hello", deadline)
        if hello["protocol"] != protocol.PROTOCOL_VERSION:
            raise HostFailure(f"the trainer speaks protocol {hello['protocol']}: rebuild the images (make setup)")
        self.trainer.send(
            "setup",
            task=workload.anonymous(plan.ALIAS).as_json(),
            seed=spec.seed,
            hyperparameters=dict(spec.hyperparameters) if spec.hyperparameters is not None else None,
            batch_size=batch_size,
            ruleset=spec.ruleset,
            framework=spec.framework,
        )
        ready = self.judge.receive("ready", deadline - time.monotonic(), self._check)
        done = self._await("setup_done", deadline)
        if (done["layout"], done["nbytes"]) != (_digest(ready["layout"]), ready["nbytes"]):
            raise HostFailure("trainer and judge disagree on the layout of the weights: rebuild the images")
        self.nbytes = done["nbytes"]
        self._check_example_counts(ready["num_examples"])
        self.freezer = self._freezer_of(self._containers[Role.TRAINER].pid)
        self._check_freezer()
        self._check_initial_weights(deadline)

    def _start_judge(self, socket: Listener) -> None:
        """It sees the splits held apart, and the vocabulary where metrics need one."""
        parts = (*plan.HELD_APART, str(VOCABULARY.parent))
        data = {self._plan.data / part: f"{protocol.DATA_ROOT}/{part}" for part in parts}
        present = {source: target for source, target in data.items() if source.is_dir()}
        self._start(Role.JUDGE, self._plan.hardware.judge, {socket.directory: "/ctl", **present})

    def _start_trainer(self, socket: Listener) -> None:
        """It sees the training split and one workload module, both under names that say nothing."""
        task = plan.write_task_files(self._plan, self._directory / "task")
        train = plan.link_training_data(self._plan, self._directory / "train")
        mounts = {socket.directory: "/ctl", train: protocol.DATA_ROOT, task: protocol.TASK_ROOT}
        self._start(Role.TRAINER, self._plan.hardware.trainer, mounts)

    def _start(self, role: Role, limits: ContainerLimits, mounts: Mapping[Path, str]) -> None:
        image = self._images.judge if role is Role.JUDGE else self._images.trainer
        self._containers[role] = self._engine.start(role, self._plan.spec.attempt, image, limits, mounts)

    def _listen(self, role: Role) -> Listener:
        listener = Listener(self._sockets / role, role.uid)
        self._sockets_open.callback(listener.close)
        return listener

    def _accept(self, listener: Listener, role: Role, deadline: float) -> Channel:
        poller = select.poll()
        poller.register(listener.fileno(), select.POLLIN)
        while not poller.poll(200):
            self._check()
            container = self._containers[role]
            if (state := container.exit_state()) is not None:
                raise HostFailure(f"the {role} container stopped with status {state.exit_code}: {container.log_tail()}")
            if time.monotonic() >= deadline:
                raise HostFailure(f"the {role} container did not connect in time: {container.log_tail()}")
        channel = listener.accept()
        self._sockets_open.callback(lambda: close_aside([channel.socket.detach()]))
        return channel

    def _await(self, kind: str, deadline: float) -> dict[str, Any]:
        """One message of the trainer while only trusted code runs in it."""
        while not self.trainer.wait(0.2):
            self._check()
            if time.monotonic() >= deadline:
                raise HostFailure(f"the trainer did not send {kind} in time: {self._trainer_log()}")
        try:
            message = self.trainer.receive()
        except (ChannelClosed, ProtocolViolation) as error:
            raise HostFailure(f"the trainer failed before {kind}: {error}\n{self._trainer_log()}") from None
        if message["kind"] == "failed":
            raise HostFailure(f"the trainer failed in {message['where']}: {message['error']}")
        if message["kind"] != kind:
            raise HostFailure(f"the trainer sent {message['kind']}, expected {kind}")
        return message

    def _check_example_counts(self, counted: Mapping[str, int]) -> None:
        for split in plan.HELD_APART:
            expected = self._plan.workload.num_examples(split)
            if expected is not None and counted.get(split) != expected:
                raise HostFailure(f"the judge sees {counted.get(split)} {split} examples, the edition has {expected}")

    def _check_freezer(self) -> None:
        """Once for trusted code: from now on it is the submission that resists."""
        try:
            self.freezer.freeze()
            self.freezer.cpu_usage_ns()
            self.freezer.thaw()
        except (FreezeFailed, OSError) as error:
            raise HostFailure(f"containers cannot be frozen on this host: {error}") from None

    def _check_initial_weights(self, deadline: float) -> None:
        """Trainer and judge have to build the same model from the seed, or no later evaluation would mean anything."""
        with Snapshot(self.nbytes) as snapshot:
            self.trainer.send("snapshot_request", fd=snapshot.fd, evaluation=0)
            self._await("snapshot_ready", deadline)
            snapshot.seal()
            self.judge.send("evaluate", fd=snapshot.fd, evaluation=0, splits=[])
            answer = self.judge.receive("metrics", deadline - time.monotonic(), self._check)
            if not answer["initial"] or answer["sha256"] != snapshot.sha256():
                raise HostFailure("trainer and judge do not start from the same weights")

    def _trainer_log(self) -> str:
        return self._containers[Role.TRAINER].log_tail()[-_LOG_TAIL_CHARACTERS:]

    # --- and back to nothing ------------------------------------------------------------------------------------

    def end(self) -> str:
        """Kills and removes what was started; returns the trainer's last log lines."""
        log_tail = ""
        if self.is_ready:
            with contextlib.suppress(OSError):  # the cgroup goes with its last process
                self.freezer.kill()
        for role, container in self._containers.items():
            try:
                container.kill()
                if role is Role.TRAINER:
                    log_tail = container.log_tail()
                container.remove()
            except SandboxError as error:
                self._journal.write("clean_up_failed", role=str(role), error=str(error)[:500])
        self._sockets_open.close()
        return log_tail


def _digest(layout: list[Mapping[str, Any]]) -> str:
    entries = [protocol.LayoutEntry(**{**entry, "shape": tuple(entry["shape"])}) for entry in layout]
    return protocol.layout_digest(entries)
