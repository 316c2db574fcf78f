"""The project's own Docker engine as a process: where it keeps things, how it starts, how it ends.

Its data root, exec root, socket and pid file lie below `<state>/engine`. It has no bridge and no firewall rules, and a
control group of its own, so it disturbs neither another engine nor another checkout.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from sandbox_runner.errors import EngineUnavailable
from sandbox_runner.host import instance
from sandbox_runner.host.engine_ping import answers
from sandbox_runner.host.processes import command_line, is_alive, kill, read, wait_until_gone

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes with the terminator
_LONGEST_SOCKET = "exec/containerd/containerd-debug.sock"  # the longest name dockerd and its containerd bind
_POLL_S = 0.05
_LOG_TAIL_LINES = 15


def folder() -> Path:
    """Data root, log, locks and pid file."""
    return instance.state_dir() / "engine"


def runtime_folder() -> Path:
    """Sockets and run-time state; outside the state folder when its path is too long for a socket."""
    if len(str(folder() / _LONGEST_SOCKET)) <= _MAX_SOCKET_PATH:
        return folder()
    return Path("/run") / f"algoperf-{instance.instance_id()}"


def url() -> str:
    """The address of this engine, whether it runs or not."""
    return f"unix://{_socket()}"


def pid() -> int | None:
    """The process of this engine while it lives, whether or not it answers yet."""
    return _own_pid(_pid_file(), "dockerd")


def start() -> None:
    """Start dockerd in its own session and wait until it answers.

    Raises:
        EngineUnavailable: it ended or did not answer in time; the message has the end of its log.
    """
    dockerd = shutil.which("dockerd", path=SYSTEM_PATH)
    if dockerd is None:
        raise EngineUnavailable("no Docker engine answers and `dockerd` is not installed: run `make setup`")
    kill_leftovers()
    runtime_folder().mkdir(parents=True, exist_ok=True, mode=0o711)
    (folder() / "daemon.json").write_text("{}\n")
    # Not a Popen object: the engine outlives this function, often this process, and nobody may collect it.
    process = os.posix_spawn(
        dockerd,
        [dockerd, *_options()],
        {"PATH": SYSTEM_PATH, "HOME": "/root"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(_log()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP],
    )
    if not wait_until_it_answers(process):
        how = "did not answer in time" if is_alive(process) else "did not start"
        kill(process)  # its pid file may not have been written yet
        kill_leftovers()
        raise EngineUnavailable(f"the Docker engine {how}. The end of its log:\n{_log_tail()}")


def wait_until_it_answers(process: int) -> bool:
    """False when it has ended, or has not answered for a minute: a busy machine is no reason to give an engine up."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(url()):
        if not is_alive(process) or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def stop() -> None:
    """Ask dockerd to end its containers and itself; insist when it does not."""
    process = pid()
    if process is not None:
        os.kill(process, signal.SIGTERM)
        if not wait_until_gone(process, STOP_TIMEOUT_S):
            kill(process)
    kill_leftovers()


def kill_leftovers() -> None:
    """What a killed engine leaves behind: processes, mounts, and pid files that may name a stranger by now."""
    for pid_file, name in (
        (_pid_file(), "dockerd"),
        (runtime_folder() / "exec/containerd/containerd.pid", "containerd"),
    ):
        process = _own_pid(pid_file, name)
        if process is not None:
            kill(process)
        pid_file.unlink(missing_ok=True)
    _kill_containers()
    _unmount()
    _socket().unlink(missing_ok=True)


def _kill_containers() -> None:
    """End every process in this engine's control groups and every shim beside them, then remove the empty groups."""
    for group in control_groups():
        for switch, thawed in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            for path in group.rglob(switch):  # a frozen process does not die on cgroup v1
                _write(path, thawed)
        for path in group.rglob("cgroup.procs"):
            for pid in read(path).split():
                kill(int(pid))
    ours = f"{runtime_folder() / 'exec'}/"
    for process in Path("/proc").glob("[0-9]*"):
        command = command_line(int(process.name)) or [""]
        if Path(command[0]).name.startswith("containerd-shim") and any(word.startswith(ours) for word in command):
            kill(int(process.name))
    for group in control_groups():
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            _remove(folder)
        _remove(group)


def control_groups() -> list[Path]:
    """The parent of this engine's containers, in the one hierarchy of cgroup v2 or in each of v1."""
    name = f"algoperf-{instance.instance_id()}"
    root = Path("/sys/fs/cgroup")
    return [group for group in (root / name, *root.glob(f"*/{name}")) if group.is_dir()]


def _unmount() -> None:
    """Let go of what is mounted below the engine's folders, deepest first."""
    data = str(folder() / "data")
    below = (f"{data}/", f"{runtime_folder() / 'exec'}/")
    mounts = [line.split()[3:5] for line in read(Path("/proc/self/mountinfo")).splitlines()]
    # dockerd binds its data root upon itself; a whole file system mounted there would be the operator's.
    points = [point for root, point in mounts if point.startswith(below) or (point == data and root != "/")]
    for point in sorted(points, reverse=True):
        subprocess.run(["umount", "--lazy", point], capture_output=True)


def _write(path: Path, text: str) -> None:
    with suppress(OSError):
        path.write_text(text)


def _remove(group: Path) -> None:
    with suppress(OSError):
        group.rmdir()


def _options() -> list[str]:
    return [
        f"--config-file={folder() / 'daemon.json'}",  # the system's own configuration does not concern this engine
        f"--data-root={folder() / 'data'}",
        f"--exec-root={runtime_folder() / 'exec'}",
        f"--pidfile={_pid_file()}",
        f"--host={url()}",
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


def _socket() -> Path:
    return runtime_folder() / "docker.sock"


def _pid_file() -> Path:
    return folder() / "dockerd.pid"


def _log() -> Path:
    return folder() / "dockerd.log"


def _log_tail() -> str:
    return "\n".join(read(_log()).splitlines()[-_LOG_TAIL_LINES:])


def _own_pid(pid_file: Path, name: str) -> int | None:
    """The process of that pid file if it is alive and really the one we mean, else None."""
    number = read(pid_file).strip()
    command = command_line(int(number)) if number.isdigit() else []
    ours = str(runtime_folder() / "exec")
    is_it = bool(command) and Path(command[0]).name == name and any(ours in argument for argument in command[1:])
    return int(number) if is_it and is_alive(int(number)) else None
