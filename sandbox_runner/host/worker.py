"""The host worker: takes attempt ids from this host's queue and starts one supervisor process for each.

The task lasts seconds. The run lasts as long as its supervisor, which needs neither this process nor the broker.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

import sandbox_runner
from sandbox_runner import protocol
from sandbox_runner.errors import SandboxError
from sandbox_runner.host import engine as engines
from sandbox_runner.host import instance, reaper
from sandbox_runner.host.docker import Engine
from sandbox_runner.host.site_client import LeaseLost, SiteClient
from sandbox_runner.host.site_reporter import deliver
from sandbox_runner.host.spool import Spool
from sandbox_runner.host.supervise import read_claim, store_claim

log = logging.getLogger("sandbox_runner.worker")
STOP_S = 25.0
SUPERVISOR_NICE = -5


@dataclass(frozen=True, kw_only=True)
class HostIdentity:
    """Who this host is and where its site answers."""

    name: str
    site: str
    key: str


@dataclass(kw_only=True)
class HostWorker:
    """The supervisors this process has started, and the thread that tells the site that the host lives."""

    identity: HostIdentity
    supervisors: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def client(self) -> SiteClient:
        return SiteClient(self.identity.site, self.identity.name, self.identity.key)

    def start_supervisor(self, attempt: str, lease: str) -> None:
        """Claims the attempt and starts its supervisor; an attempt that is not ours any more is left alone."""
        if self.stopping.is_set():
            log.info("attempt %s is not started: the host is stopping", attempt)
            return
        try:
            claim = self.client().claim(attempt, lease)
        except SandboxError as error:
            log.warning("attempt %s is not started: %s", attempt, error)
            return  # the lease runs out and the site gives the trial to somebody else
        identity = self.identity
        directory = store_claim(claim, identity.site, identity.name, identity.key)
        with (directory / "supervisor.log").open("ab") as output:
            self.supervisors[attempt] = subprocess.Popen(
                [sys.executable, "-m", "sandbox_runner", "supervise", attempt],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # it outlives this worker
                cwd=Path(sandbox_runner.__file__).parents[1],
                preexec_fn=_raise_priority,
            )
        log.info("attempt %s: supervisor %s started", attempt, self.supervisors[attempt].pid)

    def heartbeat_forever(self) -> None:
        client = self.client()
        while not self.stopping.is_set():
            for name, process in list(self.supervisors.items()):  # a task may add one meanwhile
                if process.poll() is not None:
                    del self.supervisors[name]
            busy = any(reaper.is_supervised(name) for name in _run_names())
            state = "busy" if busy or self.supervisors else "idle"
            try:
                client.host_heartbeat({"state": state, "hardware": hardware_facts(), "version": version()})
            except SandboxError as error:
                log.warning("host heartbeat: %s", error)
            self.stopping.wait(protocol.HEARTBEAT_S)

    def deliver_leftovers(self) -> None:
        """Reports that an ended supervisor could not deliver."""
        for name in _run_names():
            directory = instance.runs_dir() / name
            if reaper.is_supervised(name) or not (directory / "spool").is_dir():
                continue
            spool = Spool(directory / "spool")
            if spool.is_empty:
                continue
            try:
                _client, claim = read_claim(directory)
                deliver(self.client(), claim, spool)
            except LeaseLost:
                for path, _document in spool.waiting():
                    spool.delivered(path)  # the site has given this attempt up; nobody waits for it
            except SandboxError as error:
                log.warning("run %s: its last reports wait: %s", name, error)

    def stop(self) -> None:
        """Ends the supervisors of this worker: each kills its containers and reports that the host let go."""
        self.stopping.set()
        for process in self.supervisors.values():
            if process.poll() is None:
                process.terminate()
        for process in self.supervisors.values():
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _raise_priority() -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, SUPERVISOR_NICE)
    except PermissionError:
        return  # preflight says that root is needed; a test without it still runs


def _run_names() -> list[str]:
    runs = instance.runs_dir()
    return sorted(path.name for path in runs.iterdir()) if runs.is_dir() else []


def hardware_facts() -> dict[str, Any]:
    """What a board says about the machine its numbers come from."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory_kib = int(Path("/proc/meminfo").read_text().split(maxsplit=2)[1])
    return {
        "cpu_model": model or platform.machine(),
        "cpus": os.cpu_count() or 1,
        "memory_bytes": memory_kib * 1024,
        "kernel": platform.release(),
    }


def version() -> str:
    return f"protocol {protocol.PROTOCOL_VERSION}"


def make_app(worker: HostWorker, broker: str, broker_folder: Path | None) -> Celery:
    """A Celery application that knows one task and one queue: this host's."""
    app = Celery("sandbox_runner", broker=broker)
    options: dict[str, Any] = {}
    if broker.startswith("filesystem"):
        folder = broker_folder or instance.state_dir() / "broker"
        for name in ("messages", "control"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        options = {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
        }
    app.conf.update(
        broker_transport_options=options,
        broker_connection_retry_on_startup=True,
        task_default_queue=protocol.host_queue(worker.identity.name),
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
    )

    @app.task(name=protocol.START_SUPERVISOR)
    def start_supervisor(attempt: str, lease: str) -> None:
        worker.start_supervisor(str(attempt), str(lease))

    return app


def serve(identity: HostIdentity, broker: str, broker_folder: Path | None = None) -> int:
    """Runs until SIGTERM or SIGINT; holds the engine open meanwhile, so that trials find it running."""
    worker = HostWorker(identity=identity)
    app = make_app(worker, broker, broker_folder)
    with engines.running() as base_url:
        engine = Engine(base_url)
        reaper.reap(engine)
        engine.close()
        worker.deliver_leftovers()
        heartbeat = threading.Thread(target=worker.heartbeat_forever, name="host-heartbeat", daemon=True)

        def ready(**_: Any) -> None:
            heartbeat.start()

        def shutting_down(**_: Any) -> None:
            worker.stopping.set()

        worker_ready.connect(ready, weak=False)
        worker_shutting_down.connect(shutting_down, weak=False)
        try:
            app.worker_main(
                [
                    "worker", "--pool=solo", "--loglevel=INFO", "--without-gossip", "--without-mingle",
                    "--without-heartbeat", f"--hostname=host-{identity.name}@%h",
                    f"--queues={protocol.host_queue(identity.name)}",
                ]
            )  # fmt: skip
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one is being obeyed
            worker.stop()
    return 0
