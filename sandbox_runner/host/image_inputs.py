"""What goes into the sandbox images, and the names that follow from it: a tag is the hash of its image's inputs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from sandbox_runner.host import instance

ImageRole = Literal["trainer", "judge"]
ROLES: tuple[ImageRole, ...] = ("trainer", "judge")
UIDS: Mapping[ImageRole, int] = {"trainer": 10001, "judge": 10002}

_DEPLOY = instance.ROOT / "deploy"
TORCH = (_DEPLOY / "torch.txt").read_text().strip()  # pinned without a hash: its build is chosen per machine
SUITE = "bookworm"
SYSTEM_PACKAGES = ("python3", "python3-venv", "g++", "libpython3-dev")  # the last two let torch.compile work

# What a submission may meet: the interface, the framework bases, shared layers and losses, and the loop. No workload,
# dataset, metric or edition.
TRAINER_CODE = (
    "workloads/__init__.py",
    "workloads/api.py",
    "workloads/base.py",
    "workloads/batching.py",
    "workloads/decoding.py",
    "workloads/errors.py",
    "workloads/frameworks.py",
    "workloads/generations.py",
    "workloads/halton.py",
    "workloads/jax_base.py",
    "workloads/layers/*.py",
    "workloads/loop.py",
    "workloads/losses/*.py",
    "workloads/photographs.py",
    "workloads/placement.py",
    "workloads/placement_jax.py",
    "workloads/placement_torch.py",
    "workloads/process_group.py",
    "workloads/rand_augment.py",
    "workloads/random_keys.py",
    "workloads/removed_names.py",
    "workloads/search_space.py",
    "workloads/self_imports.py",
    "workloads/shards.py",
    "workloads/snapshot.py",
    "workloads/snapshot_jax.py",
    "workloads/snapshot_torch.py",
    "workloads/spec.py",
    "workloads/submission.py",
    "workloads/torch_base.py",
    "workloads/view.py",
    "sandbox_runner/__init__.py",
    "sandbox_runner/channel.py",
    "sandbox_runner/protocol.py",
    "sandbox_runner/trainer/**/*.py",
)
JUDGE_CODE = (
    "workloads/**/*.py",
    "workloads/**/*.json",
    "sandbox_runner/__init__.py",
    "sandbox_runner/channel.py",
    "sandbox_runner/protocol.py",
    "sandbox_runner/judge/**/*.py",
)
# Building data, training at home and comparing the frameworks have no business in a container.
STAYS_AT_HOME = (
    "workloads/__main__.py",
    "workloads/*_command.py",
    "workloads/data_build/*",
    "workloads/data_prepare/*",
    "workloads/editions/mini_targets/*",
    "workloads/narrow.py",
    "workloads/parity.py",
    "workloads/synthetic.py",
    "workloads/targets/*",
    "workloads/transfer*.py",
    "workloads/vectors/*",
)
# Existing submissions import the interface under these names; both are our compatibility package.
COMPATIBILITY = "sandbox_runner/algoperf"
COMPATIBILITY_NAMES = ("algoperf", "algorithmic_efficiency")

LOCK = _DEPLOY / "sandbox" / "requirements.lock"
BASE_DOCKERFILE = _DEPLOY / "sandbox" / "base.Dockerfile"
ROLE_DOCKERFILE = _DEPLOY / "sandbox" / "role.Dockerfile"


def role_tag(role: ImageRole) -> str:
    """Name of a role's image for the current tree."""
    code = (f"{path}\0{hashlib.sha256(content).hexdigest()}\0" for path, content in sorted(code_files(role).items()))
    return _tag(f"algoperf-{role}", base_tag(), ROLE_DOCKERFILE.read_text(), str(UIDS[role]), *code)


def base_tag() -> str:
    """Name of the heavy layer for the current lock."""
    return _tag("algoperf-sandbox-base", debian(), TORCH, BASE_DOCKERFILE.read_text(), LOCK.read_text())


def debian() -> str:
    """The base system: an image named by the operator, or Debian's bootstrap."""
    return os.environ.get("ALGOPERF_SANDBOX_BASE") or _tag("algoperf-debian", *bootstrap_command())


def _tag(name: str, *inputs: str) -> str:
    digest = hashlib.sha256()
    for text in inputs:
        digest.update(f"{len(text)}:{text}".encode())
    return f"{name}:{digest.hexdigest()[:16]}"


def code_files(role: ImageRole) -> dict[str, bytes]:
    """Path below /opt/algoperf -> content: everything of ours that goes into the image of that role."""
    paths = _matching(TRAINER_CODE if role == "trainer" else JUDGE_CODE) - _matching(STAYS_AT_HOME)
    files = {path.relative_to(instance.ROOT).as_posix(): path.read_bytes() for path in paths}
    if role == "trainer":
        package = instance.ROOT / COMPATIBILITY
        for path in package.rglob("*.py"):
            for name in COMPATIBILITY_NAMES:
                files[f"{name}/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    return files


def _matching(patterns: Iterable[str]) -> set[Path]:
    return {path for pattern in patterns for path in instance.ROOT.glob(pattern) if path.is_file()}


def bootstrap_command() -> list[str]:
    """Debian's smallest system with Python, as a tar on standard output, without a trace of this host."""
    skip = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale", "info")]
    forget = (
        'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/sources.list" "$1"/var/log/*.log "$1"/var/log/apt/*'
    )
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(SYSTEM_PACKAGES)}",
        *skip,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook={forget}",
        SUITE,
        "-",
    ]
