"""PostgreSQL, gunicorn and nginx in a temporary folder, started for one measurement and ended with it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKERS, THREADS = 2, 4


class MissingProgram(Exception):
    """Something has to be installed first; the message says what."""


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A fresh cluster on a socket; yields its DATABASE_URL."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        raise MissingProgram("PostgreSQL is not installed: apt-get install postgresql")
    # The server refuses to run as root.
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
    home = folder / "postgres"
    home.mkdir()
    os.chown(home, user, -1)
    folder.chmod(0o755)

    def call(program: str, *arguments: str) -> None:
        command = [str(binaries[-1].parent / program), *arguments]
        subprocess.run(command, user=user, cwd=home, check=True, capture_output=True)

    data = home / "data"
    call("initdb", "-D", str(data), "-U", pwd.getpwuid(os.geteuid()).pw_name, "--auth=trust", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={home}"
    call("pg_ctl", "-D", str(data), "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        yield f"postgres:///{home}/postgres"
    finally:
        call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@contextlib.contextmanager
def gunicorn(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The site with two workers; yields its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "webapp.wsgi", f"--bind=127.0.0.1:{port}", "--worker-class=gthread",
        f"--workers={WORKERS}", f"--threads={THREADS}", "--preload", "--no-control-socket", f"--chdir={ROOT}",
        "--log-level=warning", "--keep-alive=60",
    ]  # fmt: skip
    with (folder / "gunicorn.log").open("w") as log, _running(command, environment, log, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def nginx(site: str, folder: Path) -> Iterator[tuple[str, str, Path]]:
    """In front of the site with a cache, and beside it for plain files.

    Yields the address of the cache, the address of the files, and the folder to put them in.
    """
    program = os.environ.get("NGINX") or shutil.which("nginx")
    if not program:
        raise MissingProgram("nginx is not installed: apt-get install nginx-light, or name the program in NGINX")
    place, files = folder / "nginx", folder / "files"
    place.mkdir()
    files.mkdir()
    cached, plain = free_port(), free_port()
    config = Path(__file__).with_name("nginx.conf").read_text()
    for name, value in {
        "@USER@": "user root;" if os.geteuid() == 0 else "",
        "@FOLDER@": str(place),
        "@FILES@": str(files),
        "@SITE@": site,
        "@CACHED@": str(cached),
        "@PLAIN@": str(plain),
    }.items():
        config = config.replace(name, value)
    (place / "nginx.conf").write_text(config)
    command = [program, "-p", str(place), "-c", str(place / "nginx.conf")]
    with (folder / "nginx.log").open("w") as log, _running(command, {}, log, plain):
        yield f"http://127.0.0.1:{cached}", f"http://127.0.0.1:{plain}", files


@contextlib.contextmanager
def _running(command: list[str], environment: Mapping[str, str], log: object, port: int) -> Iterator[None]:
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)  # type: ignore[call-overload]
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], patience_s: float = 60.0) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise MissingProgram(f"{process.args} does not answer; its log is beside it")  # type: ignore[str-bytes-safe]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
