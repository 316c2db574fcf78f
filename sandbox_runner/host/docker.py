"""The one file that starts, inspects and removes containers.

Options are assembled here from constants; nothing in a request or a submission can add one.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container as DockerContainer
from docker.types import DeviceRequest, LogConfig, Mount, Ulimit

from sandbox_runner.errors import EngineFailed
from sandbox_runner.host import instance
from sandbox_runner.host.hardware import ContainerLimits

CALL_TIMEOUT_S = 60
SECCOMP_PROFILE = Path(__file__).with_name("seccomp-trainer.json")
LOG_TAIL_LINES = 200
LOG_TAIL_BYTES = 16 * 1024


class Role(StrEnum):
    """What a container is for; also the name of its image."""

    TRAINER = "trainer"
    JUDGE = "judge"
    PROBE = "probe"  # trainer image without data: answers get_batch_size

    @property
    def uid(self) -> int:
        return 10002 if self is Role.JUDGE else 10001

    @property
    def command(self) -> list[str]:
        module = {
            Role.TRAINER: "sandbox_runner.trainer",
            Role.JUDGE: "sandbox_runner.judge",
            Role.PROBE: "sandbox_runner.trainer.batch_size",
        }[self]
        return ["python3", "-I", "-u", "-B", "-m", module]  # -I also ignores PYTHON* of the environment

    @property
    def image_role(self) -> str:
        return "judge" if self is Role.JUDGE else "trainer"


@dataclass(frozen=True, kw_only=True)
class ExitState:
    """How a container stopped. `oom_killed` also when only a child was killed, so never read it alone."""

    exit_code: int
    oom_killed: bool


@functools.cache
def _seccomp() -> str:
    return SECCOMP_PROFILE.read_text()  # the SDK wants the text, not a path


def container_options(role: Role, limits: ContainerLimits) -> dict[str, Any]:
    """Everything about a container except its image, mounts and labels."""
    uid = role.uid
    options: dict[str, Any] = {
        "command": role.command,
        "entrypoint": [],
        "working_dir": "/scratch",
        "user": f"{uid}:{uid}",
        "network_mode": "none",
        "ipc_mode": "private",
        "hostname": "sandbox",
        "read_only": True,
        "init": True,  # reaps zombies
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={_seccomp()}"],
        "pids_limit": limits.pids,
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "shm_size": limits.shm_bytes,
        "cpu_shares": limits.cpu_shares,
        "ulimits": [
            Ulimit(name="nofile", soft=limits.open_files, hard=limits.open_files),
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="fsize", soft=limits.file_bytes, hard=limits.file_bytes),
        ],
        "tmpfs": {
            # Exec stays on: compilers load what they write here.
            "/tmp": _tmpfs(limits, "mode=1777"),  # noqa: S108
            "/scratch": _tmpfs(limits, f"uid={uid},gid={uid},mode=0700"),
        },
        "environment": {"HOME": "/scratch"},
        "log_config": LogConfig(
            type="local",
            config={"max-size": "4m", "max-file": "2", "mode": "non-blocking", "max-buffer-size": "4m"},
        ),
        "stop_signal": "SIGKILL",
        "oom_kill_disable": False,
        "oom_score_adj": 500,
        "detach": True,
    }
    cpuset = available_cpuset(limits.cpuset)
    if cpuset:
        options["cpuset_cpus"] = cpuset
    if limits.gpus:
        options["device_requests"] = [DeviceRequest(device_ids=list(limits.gpus), capabilities=[["gpu", "compute"]])]
        options["environment"]["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility"
    return options


def available_cpuset(cpuset: str) -> str:
    """`cpuset`, or nothing on a machine that has fewer processors: the engine would refuse to start."""
    if not cpuset:
        return ""
    last = int(cpuset.rpartition("-")[2])
    return cpuset if last < (os.cpu_count() or 1) else ""


def _tmpfs(limits: ContainerLimits, owner: str) -> str:
    return f"rw,nosuid,nodev,size={limits.tmpfs_bytes},nr_inodes={limits.tmpfs_inodes},{owner}"


class Container:
    """One container of ours."""

    def __init__(self, container: DockerContainer) -> None:
        self._container = container
        self.id: str = container.id or ""

    @property
    def pid(self) -> int:
        """Host process id of the container's first process; 0 once it has stopped."""
        return int(self._state()["Pid"])

    def exit_state(self) -> ExitState | None:
        """None while it runs."""
        state = self._state()
        if state["Status"] in ("created", "running", "paused", "restarting"):
            return None
        return ExitState(exit_code=int(state["ExitCode"]), oom_killed=bool(state["OOMKilled"]))

    def wait(self, deadline_s: float) -> ExitState | None:
        """Polls until it has stopped; None when it still runs at the deadline."""
        deadline = time.monotonic() + deadline_s
        while (state := self.exit_state()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return state

    def log_tail(self) -> str:
        """The last lines it printed, made harmless: no control characters, capped. Never attaches."""
        with _translated("read the log"):
            raw: bytes = self._container.logs(tail=LOG_TAIL_LINES, stdout=True, stderr=True)
        return printable(raw[-LOG_TAIL_BYTES:].decode("utf-8", "replace"))

    def kill(self) -> None:
        with _translated("kill the container"):
            try:
                self._container.kill("SIGKILL")
            except APIError as error:
                if error.status_code not in (404, 409):  # gone, or not running
                    raise

    def remove(self) -> None:
        with _translated("remove the container"):
            try:
                self._container.remove(force=True, v=True)
            except NotFound:
                return

    def _state(self) -> Mapping[str, Any]:
        with _translated("inspect the container"):
            self._container.reload()
        state: Mapping[str, Any] = self._container.attrs["State"]
        return state


def printable(text: str) -> str:
    """Text without control characters except newline and tab."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable() and c != "\x7f"))


class Engine:
    """A Docker engine and the containers of this instance on it."""

    def __init__(self, base_url: str) -> None:
        with _translated("reach the Docker engine"):
            self._client = docker.DockerClient(base_url=base_url, version="auto", timeout=CALL_TIMEOUT_S)
        self.base_url = base_url

    def start(
        self, role: Role, run_id: str, image: str, limits: ContainerLimits, mounts: Mapping[Path, str]
    ) -> Container:
        """Creates and starts one container; `mounts` maps host folders to read-only places inside."""
        options = container_options(role, limits)
        with _translated(f"start the {role} container"):
            container = self._client.containers.create(
                image,
                name=f"algoperf-{instance.instance_id()}-{run_id[:32]}-{role}",
                labels={
                    instance.LABEL_INSTANCE: instance.instance_id(),
                    instance.LABEL_RUN: run_id,
                    instance.LABEL_ROLE: str(role),
                },
                mounts=[Mount(inside, str(outside), type="bind", read_only=True) for outside, inside in mounts.items()],
                **options,
            )
            try:
                container.start()
            except (DockerException, requests.exceptions.RequestException):
                container.remove(force=True, v=True)  # a failed start leaves it behind as "created", a late one running
                raise
        return Container(container)

    def containers(self, run_id: str | None = None) -> dict[str, list[Container]]:
        """Containers of this instance by run id, stopped ones included."""
        labels = [f"{instance.LABEL_INSTANCE}={instance.instance_id()}"]
        if run_id is not None:
            labels.append(f"{instance.LABEL_RUN}={run_id}")
        with _translated("list containers"):
            found = self._client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        by_run: dict[str, list[Container]] = {}
        for container in found:
            by_run.setdefault(container.labels.get(instance.LABEL_RUN, ""), []).append(Container(container))
        return by_run

    def info(self) -> Mapping[str, Any]:
        with _translated("read the engine's facts"):
            facts: Mapping[str, Any] = self._client.info()
        return facts

    def close(self) -> None:
        self._client.close()


@contextmanager
def _translated(action: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, requests.exceptions.RequestException) as error:
        raise EngineFailed(f"Docker could not {action}: {error}") from error
