"""What a host has to have before it may run anything. No engine, no run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sandbox_runner.errors import EngineFailed, HostFailure, ImageMissing
from sandbox_runner.host import images
from sandbox_runner.host.containers import Images
from sandbox_runner.host.docker import Engine
from sandbox_runner.host.freezer import CGROUP_ROOT
from sandbox_runner.host.hardware import HardwareClass

GPUS = 8


def check(hardware: HardwareClass, engine: Engine) -> Images:
    """The images to run; raises HostFailure listing everything that is missing and what to do about it."""
    problems = [problem for name in hardware.preflight if (problem := _CHECKS[name](engine))]
    if os.geteuid() != 0:
        problems.insert(0, "freezing containers needs root: start it with sudo")
    if problems:
        raise HostFailure(f"this host cannot run {hardware.name} trials: " + "; ".join(problems))
    return resolve_images(engine)


def resolve_images(engine: Engine) -> Images:
    return Images(trainer=images.resolve(engine.base_url, "trainer"), judge=images.resolve(engine.base_url, "judge"))


def _freezer(_engine: Engine) -> str:
    has_v1 = os.access(CGROUP_ROOT / "freezer", os.W_OK)
    has_v2 = (CGROUP_ROOT / "cgroup.controllers").exists()
    return "" if has_v1 or has_v2 else f"no cgroup freezer below {CGROUP_ROOT}: mount cgroup v1 freezer or cgroup v2"


def _seccomp(engine: Engine) -> str:
    options = engine.info().get("SecurityOptions") or []
    return "" if any("seccomp" in option for option in options) else "the Docker engine has no seccomp support"


def _images(engine: Engine) -> str:
    try:
        resolve_images(engine)
    except (ImageMissing, EngineFailed) as error:
        return str(error)
    return ""


def _runtimes(engine: Engine) -> str:
    return "" if "nvidia" in (engine.info().get("Runtimes") or {}) else "the NVIDIA container runtime is not installed"


def _gpus(_engine: Engine) -> str:
    found = [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    return "" if len(found) >= GPUS else f"{len(found)} of {GPUS} GPUs found in /dev"


_CHECKS: dict[str, Callable[[Engine], str]] = {
    "freezer": _freezer,
    "seccomp": _seccomp,
    "images": _images,
    "runtimes": _runtimes,
    "gpus": _gpus,
}
