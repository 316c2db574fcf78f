"""Web, site worker and local host worker: started in order, watched, ended in the opposite order."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from leaderboard.embedded import host
from leaderboard.embedded.processes import Child, ProcessFailed, become_subreaper, end_descendants
from leaderboard.embedded.site_user import site_user
from leaderboard.printed import load_printed_boards
from leaderboard.shipped import load_shipped_boards

WEB_READY_S = 60.0
HOST_STOP_S = 40.0  # its supervisors kill their containers and report
STOP_S = 15.0
MAX_LOG_BYTES = 10_000_000


def running_address() -> str | None:
    """Where the site of this state folder answers, when one runs."""
    try:
        with _lock_path().open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            address: str = json.loads(_lock_path().read_text())["address"]
        except (ValueError, KeyError):
            return None  # it is just starting
        return address
    return None


class EmbeddedSite:
    """One running site. `say` gets the lines a person should see."""

    def __init__(self, *, port: int, say: Callable[[str], None], with_host: bool = True) -> None:
        self.say = say
        self.with_host = with_host
        self.port = port or _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.logs = Path(settings.SITE_STATE) / "log"
        self._lock: IO[str] | None = None
        self._children: list[Child] = []

    def start(self) -> None:
        """Raises ProcessFailed, with what to do, when the site cannot come up; nothing keeps running then."""
        self._lock = _take_lock()
        try:
            _require_free(self.port)
            become_subreaper()
            migrate_if_needed(self.say)
            load_printed_boards()
            load_shipped_boards()
            user = site_user(self.say)
            if self.with_host:
                host.register_local_host()
            connections.close_all()
            web = self._start("web", self._web_command(), user=user)
            worker = self._start("site worker", self._worker_command(), user=user)
            self._wait_until_ready(web, worker)
            if self.with_host:
                self._start("host worker", self._host_command(), stop_s=HOST_STOP_S)
            self._announce()
        except BaseException:
            self.stop(hurry=True)
            raise

    def check(self) -> None:
        """Raises ProcessFailed when one of the processes has ended: nothing is restarted silently."""
        for child in self._children:
            if child.has_ended:
                assert child.process is not None
                raise ProcessFailed(
                    f"The {child.name} ended with status {child.process.returncode}. Its log is {child.log}; "
                    f"the last lines:\n{child.last_lines()}"
                )

    def stop(self, *, hurry: bool = False) -> None:
        """Host worker first, so that containers are killed while the site can still hear about it; then the rest."""
        if self.with_host and self._children:
            host.drain_local_host()
        for child in reversed(self._children):
            child.stop(hurry=hurry)
        orphans = end_descendants(1.0 if hurry else HOST_STOP_S / 2)
        if orphans:
            self.say(f"Ended {orphans} processes that were left.")
        if self.with_host and self._children:
            host.release_local_host()
        self._children = []
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def _start(self, name: str, command: list[str], *, user: int | None = None, stop_s: float = STOP_S) -> Child:
        child = Child(
            name=name,
            command=command,
            log=self.logs / f"{name.replace(' ', '-')}.log",
            environment=self._environment(user),
            stop_s=stop_s,
            user=user,
        )
        _keep_short(child.log)
        child.start()
        self._children.append(child)
        return child

    def _environment(self, user: int | None) -> Mapping[str, str]:
        own = {
            "ALGOPERF_STATE": str(settings.STATE),
            "SITE_URL": os.environ.get("SITE_URL", self.address),
            "INTERNAL_URL": self.address,
            "BROKER_URL": settings.BROKER_URL,
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            "PYTHONUNBUFFERED": "1",
        }
        environment = {**os.environ, **own}
        if user is not None:
            environment["HOME"] = str(settings.SITE_STATE)
        return environment

    def _web_command(self) -> list[str]:
        return [
            sys.executable, "-m", "gunicorn", "webapp.wsgi", f"--bind=127.0.0.1:{self.port}", "--worker-class=gthread",
            "--workers=1", "--threads=8", "--timeout=60", "--graceful-timeout=5", "--no-control-socket",
            "--access-logfile=-", f"--chdir={settings.BASE_DIR}",
        ]  # fmt: skip

    def _worker_command(self) -> list[str]:
        return [
            sys.executable, "-m", "celery", f"--workdir={settings.BASE_DIR}", "--app=webapp", "worker", "--beat",
            "--pool=threads", "--concurrency=2", "--loglevel=INFO", "--without-gossip", "--without-mingle",
            "--without-heartbeat", f"--queues={settings.SITE_QUEUE}", "--hostname=site@%h",
        ]  # fmt: skip

    def _host_command(self) -> list[str]:
        return [
            *_as_root(), sys.executable, "-m", "sandbox_runner", "worker", f"--name={host.LOCAL}",
            f"--site={self.address}", f"--key-file={host.key_file()}",
        ]  # fmt: skip

    def _wait_until_ready(self, *children: Child) -> None:
        deadline = time.monotonic() + WEB_READY_S
        while not answers(self.address):
            self.check()
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"The web process does not answer at {self.address}. Its log is {children[0].log}; "
                    f"the last lines:\n{children[0].last_lines()}"
                )
            time.sleep(0.1)
        self.check()

    def _announce(self) -> None:
        assert self._lock is not None
        self._lock.seek(0)
        self._lock.truncate(0)
        json.dump({"address": self.address, "pid": os.getpid()}, self._lock)
        self._lock.flush()


@contextlib.contextmanager
def some_site(say: Callable[[str], None]) -> Iterator[EmbeddedSite | None]:
    """None while the site of this state folder runs already; else one that is started for as long as this takes."""
    address = running_address()
    if address and answers(address):
        say(f"The site at {address} runs it.")
        yield None
        return
    site = EmbeddedSite(port=0, say=say)
    say("No site runs here; starting one for as long as this takes.")
    try:
        site.start()
        yield site
    finally:
        site.stop()


def _keep_short(log: Path) -> None:
    """A log that has grown large makes room for a new one; the last one is kept beside it."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def migrate_if_needed(say: Callable[[str], None]) -> None:
    """Brings the database up to date; a second time it only looks."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Bringing the database up to date: {len(plan)} migrations.")
        call_command("migrate", interactive=False, verbosity=0)


def answers(address: str) -> bool:
    """Whether a site answers there."""
    try:
        # Straight to this machine: a proxy named in the environment must not be asked.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{address}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _lock_path() -> Path:
    return Path(settings.SITE_STATE) / "serve.json"


def _take_lock() -> IO[Any]:
    path = _lock_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        where = running_address()
        raise ProcessFailed(f"The site of this folder runs already{f' at {where}' if where else ''}.") from None
    os.set_inheritable(lock.fileno(), False)
    return lock


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ProcessFailed(
                f"Port {port} is in use by another program. Stop it, or choose another: manage.py serve --port N"
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _as_root() -> list[str]:
    """The host worker freezes containers and runs an engine, which takes root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise ProcessFailed("The host worker needs root. Run this as root, or install sudo.")
    return ["sudo", "--non-interactive", "--preserve-env"]
