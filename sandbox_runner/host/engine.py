"""A Docker engine that answers: one that is there already, or the project's own, stopped by its last user.

The project's engine has its own data root, exec root, socket and pid file below `<state>/engine`, no bridge and no
firewall rules, so it disturbs neither another engine nor another checkout. Users hold a shared lock on `users.lock`;
whoever leaves last stops the engine. Starting and stopping happen under the exclusive `start.lock`.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox_runner.errors import EngineUnavailable
from sandbox_runner.host import instance

SYSTEM_SOCKET = Path("/var/run/docker.sock")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

_MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes with the terminator
_LONGEST_SOCKET = "exec/containerd/containerd-debug.sock"  # the longest name dockerd and its containerd bind
_PING_TIMEOUT_S = 5.0
_POLL_S = 0.05
_LOG_TAIL_LINES = 15
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def engine_dir() -> Path:
    """Data root, log, locks and pid file of the project's own engine."""
    return instance.state_dir() / "engine"


def _runtime_dir() -> Path:
    """Sockets and run-time state; outside the state folder when its path is too long for a socket."""
    if len(str(engine_dir() / _LONGEST_SOCKET)) <= _MAX_SOCKET_PATH:
        return engine_dir()
    return Path("/run") / f"algoperf-{instance.instance_id()}"


def own_socket() -> Path:
    """Where the project's own engine listens while it runs."""
    return _runtime_dir() / "docker.sock"


def own_url() -> str:
    """The address of the project's own engine, whether it runs or not."""
    return f"unix://{own_socket()}"


def answers(base_url: str) -> bool:
    """True when a Docker engine answers a ping at `unix:///path` or `tcp://host:port`."""
    connection = _connection(base_url)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


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
    if not answers(own_url()) and answers(f"unix://{SYSTEM_SOCKET}"):
        yield f"unix://{SYSTEM_SOCKET}"
        return
    _require_root()
    engine_dir().mkdir(parents=True, exist_ok=True, mode=0o711)
    users = os.open(engine_dir() / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _join(users)
        try:
            yield own_url()
        finally:
            _leave(users)
    finally:
        os.close(users)


def _join(users: int) -> None:
    """Count this process among the users and make sure that the engine runs."""
    with _exclusive():
        if not answers(own_url()):
            _start()
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
        _stop()


@contextmanager
def _exclusive() -> Iterator[None]:
    """One process at a time starts or stops the engine."""
    lock = os.open(engine_dir() / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _start() -> None:
    """Start dockerd in its own session and wait until it answers."""
    dockerd = shutil.which("dockerd", path=_SYSTEM_PATH)
    if dockerd is None:
        raise EngineUnavailable("no Docker engine answers and `dockerd` is not installed: run `make setup`")
    _kill_leftovers()
    (engine_dir() / "daemon.json").write_text("{}\n")
    log = engine_dir() / "dockerd.log"
    # Not a Popen object: the engine outlives this function, often this process, and nobody may collect it.
    pid = os.posix_spawn(
        dockerd,
        [dockerd, *_options()],
        {"PATH": _SYSTEM_PATH, "HOME": "/root"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP],
    )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(own_url()):
        if not _is_alive(pid):
            raise EngineUnavailable(f"the Docker engine did not start.\n{_log_tail(log)}")
        if time.monotonic() > deadline:
            _stop()
            raise EngineUnavailable(
                f"the Docker engine did not answer within {START_TIMEOUT_S:.0f} s.\n{_log_tail(log)}"
            )
        time.sleep(_POLL_S)


def _options() -> list[str]:
    runtime = _runtime_dir()
    runtime.mkdir(parents=True, exist_ok=True, mode=0o711)
    return [
        f"--config-file={engine_dir() / 'daemon.json'}",  # the system's own configuration does not concern this engine
        f"--data-root={engine_dir() / 'data'}",
        f"--exec-root={runtime / 'exec'}",
        f"--pidfile={_pid_file()}",
        f"--host={own_url()}",
        "--group=root",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--storage-driver=overlay2",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--cgroup-parent=/algoperf-{instance.instance_id()}",
        "--shutdown-timeout=5",
        "--log-level=warn",
    ]


def _stop() -> None:
    """Ask dockerd to end its containers and itself; insist when it does not. Removes socket and pid files."""
    pid = _own_pid(_pid_file(), "dockerd")
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not _wait_until_gone(pid, STOP_TIMEOUT_S):
            _kill(pid)
    _kill_leftovers()


def _kill_leftovers() -> None:
    """What a killed engine leaves behind: its processes, and pid files whose number may belong to a stranger by now."""
    for pid_file, name in ((_pid_file(), "dockerd"), (_runtime_dir() / "exec/containerd/containerd.pid", "containerd")):
        pid = _own_pid(pid_file, name)
        if pid is not None:
            _kill(pid)
        pid_file.unlink(missing_ok=True)
    own_socket().unlink(missing_ok=True)


def _pid_file() -> Path:
    return engine_dir() / "dockerd.pid"


def _own_pid(pid_file: Path, name: str) -> int | None:
    """The process of that pid file if it is alive and really the one we mean, else None."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return None
    ours = str(_runtime_dir() / "exec")
    is_it = Path(command[0]).name == name and any(ours in argument for argument in command[1:])
    return pid if is_it and _is_alive(pid) else None


def _is_alive(pid: int) -> bool:
    """False for a process that has ended, also when nobody has collected it yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    if state in "ZX":
        with suppress(ChildProcessError):  # Only the process that started it can collect it.
            os.waitpid(pid, os.WNOHANG)
        return False
    return True


def _wait_until_gone(pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    _wait_until_gone(pid, STOP_TIMEOUT_S)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise EngineUnavailable(
            "no Docker engine answers and starting the project's own needs root: run this with sudo, "
            "or name an engine in ALGOPERF_DOCKER_HOST"
        )


def _log_tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "It left no log."
    return "The end of its log:\n" + "\n".join(lines[-_LOG_TAIL_LINES:])


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PING_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(base_url: str) -> http.client.HTTPConnection:
    scheme, separator, rest = base_url.partition("://")
    if separator and scheme == "unix":
        return _UnixConnection(rest)
    if separator and scheme == "tcp":
        return http.client.HTTPConnection(rest.rstrip("/"), timeout=_PING_TIMEOUT_S)
    raise EngineUnavailable(f"{base_url!r} is no address of a Docker engine: use unix:///path or tcp://host:port")
