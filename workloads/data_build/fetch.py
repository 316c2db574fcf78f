"""Fetching the pinned source packages: Debian's archive through its bootstrap, the Python package index through pip.

Debian packages come as the base image does (`sandbox_runner.host.image_inputs`): mmdebstrap brings its own sources,
lists and keyring for one suite, so neither the host's distribution nor its package sources matter. Nothing is installed
and no privilege is needed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from workloads.errors import FetchFailed

DEBIAN_SUITE = "bookworm"  # the base image's

_TIMEOUT_S = 600
_LAST_WORDS = 500  # characters of a failed command that are shown

# In mmdebstrap's temporary system, which holds nothing but package lists: one package after the other, so that one
# that is not there does not keep the others away.
_DOWNLOAD_HOOK = (
    'cd "$ALGOPERF_FOLDER" && for wanted in $ALGOPERF_WANTED; '
    'do APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq download "$wanted" || true; done'
)


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


def download(packages: Iterable[Package], directory: Path) -> dict[Package, str]:
    """Tries to bring every package that does not lie in `directory` yet; never raises for a registry's sake.

    Returns:
        what the registry's tool said about each package it was asked for; `checked` tells who arrived.
    """
    missing = [package for package in dict.fromkeys(packages) if not (directory / package.file).exists()]
    debian = [package for package in missing if package.registry == "debian"]
    said = dict.fromkeys(debian, _attempt(_from_debian, debian, directory) if debian else "")
    for package in missing:
        if package.registry == "pypi":
            said[package] = _attempt(_from_pypi, [package], directory)
    return said


def checked(package: Package, directory: Path, said: str = "") -> Path:
    """The package's file in `directory`, compared with its hash.

    Raises:
        FetchFailed: it is not there, or has other bytes; the message says what to do.
    """
    path = directory / package.file
    if not path.exists():
        raise FetchFailed(
            f"could not fetch {package.requirement} from {package.registry}: {_HINTS[package.registry]}, or put "
            f"{package.file} into a folder and name that with --packages. The last words were: "
            f"{said.strip()[-_LAST_WORDS:]}"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise FetchFailed(
            f"{path} is not the pinned {package.requirement}: its sha256 is {found}, expected {package.sha256}. "
            "Delete it and run the build again; if the registry serves another file, the edition needs a new revision."
        )
    return path


_HINTS = {
    "debian": f"check that mmdebstrap reaches a Debian mirror (`mmdebstrap --variant=essential {DEBIAN_SUITE} "
    "/dev/null` must work)",
    "pypi": "check that pip reaches a package index (`python -m pip download pip` must work)",
}


def _attempt(bring: Any, packages: list[Package], directory: Path) -> str:
    """Lets files arrive in a folder of their own, so that one cut off never looks like a whole one."""
    with tempfile.TemporaryDirectory(prefix=".arriving-", dir=directory) as arriving:
        try:
            said: str = bring(packages, Path(arriving))
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        for package in packages:
            arrived = Path(arriving) / package.file
            if arrived.exists():
                arrived.rename(directory / package.file)
    return said


def _from_debian(packages: list[Package], directory: Path) -> str:
    """One bootstrap for all of them: most of its seconds go into the suite's package lists."""
    bootstrap = ["mmdebstrap", "--quiet", "--mode=chrootless", "--variant=custom", "--format=null"]
    wanted = {
        "ALGOPERF_FOLDER": str(directory.resolve()),
        "ALGOPERF_WANTED": " ".join(package.requirement for package in packages),
    }
    # apt writes a version's colon as %3a, and nothing else differs from the name in the archive.
    return _run([*bootstrap, f"--customize-hook={_DOWNLOAD_HOOK}", DEBIAN_SUITE, "/dev/null"], directory, wanted)


def _from_pypi(packages: list[Package], directory: Path) -> str:
    """With the hash in pip's hands: it looks into a source package for its metadata, so that must be the pinned one."""
    requirements = directory / "requirements.txt"
    requirements.write_text("".join(f"{item.requirement} --hash=sha256:{item.sha256}\n" for item in packages))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--no-build-isolation"]
    return _run([*pip, "--dest", str(directory), "--require-hashes", "--requirement", str(requirements)], directory)


def _run(command: list[str], directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """Both outputs of a command; whether it worked is seen by what lies in the folder then."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TIMEOUT_S,
        check=False,
    )
    return done.stdout + done.stderr
