"""Fetching the pinned source packages: Debian's archive through apt, the Python package index through pip."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from workloads.errors import FetchFailed

_TIMEOUT_S = 600


@dataclass(frozen=True, kw_only=True)
class Package:
    """One pinned file of a package registry."""

    registry: str  # "debian" or "pypi"
    name: str
    version: str
    file: str  # as the registry calls it
    sha256: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    @property
    def requirement(self) -> str:
        return f"{self.name}={self.version}" if self.registry == "debian" else f"{self.name}=={self.version}"


def fetch(package: Package, directory: Path) -> Path:
    """The package's file in `directory`, downloaded unless it is there already, checked against its hash.

    Raises:
        FetchFailed: the registry did not deliver it, or delivered other bytes; the message says what to do.
    """
    path = directory / package.file
    if not path.exists():
        _download(package, directory)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise FetchFailed(
            f"{path} is not the pinned {package.requirement}: its sha256 is {found}, expected {package.sha256}. "
            "Delete it and run the build again; if the registry serves another file, the edition needs a new revision."
        )
    return path


def _download(package: Package, directory: Path) -> None:
    download = {"debian": _from_debian, "pypi": _from_pypi}[package.registry]
    try:
        output = download(package, directory)
    except (OSError, subprocess.TimeoutExpired) as error:
        output = str(error)
    if not (directory / package.file).exists():
        hint = (
            "check that apt reaches a Debian mirror (`sudo apt-get update` must work)"
            if package.registry == "debian"
            else "check that pip reaches a package index (`python -m pip download pip` must work)"
        )
        raise FetchFailed(
            f"could not fetch {package.requirement} from {package.registry}: {hint}, or put {package.file} into a "
            f"folder and name that with --packages. The last words were: {output.strip()[-500:]}"
        )


def _from_debian(package: Package, directory: Path) -> str:
    """Package lists may be missing on a fresh machine; who may update them does so and tries once more."""
    command = ["apt-get", "download", package.requirement]
    failed, output = _run(command, directory)
    if failed and os.geteuid() == 0:
        _run(["apt-get", "update"], directory)
        failed, output = _run(command, directory)
    # apt writes a version's colon as %3a, and nothing else differs from the name in the archive.
    return output


def _from_pypi(package: Package, directory: Path) -> str:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    _, output = _run([*pip, "download", "--no-deps", "--dest", str(directory), package.requirement], directory)
    return output


def _run(command: list[str], directory: Path) -> tuple[bool, str]:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
    )
    return done.returncode != 0, done.stdout + done.stderr
