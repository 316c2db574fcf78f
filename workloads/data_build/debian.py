"""Reading files out of a Debian package without installing it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path


def read_file(package: Path, path: str) -> bytes:
    """The content of one file of the package, named by its path from the root without a leading slash."""
    with _archive(package) as files:
        extracted = files.extractfile(f"./{path}")
        assert extracted is not None
        return extracted.read()


def read_folder(package: Path, folder: str) -> dict[str, bytes]:
    """Path below the folder -> content of every file in it, in the order of the paths; the folder is named likewise."""
    start = f"./{folder}/"
    with _archive(package) as files:
        members = {member.name: member for member in files if member.isfile() and member.name.startswith(start)}
        found = ((name, files.extractfile(members[name])) for name in sorted(members))
        return {name.removeprefix(start): file.read() for name, file in found if file is not None}


def _archive(package: Path) -> tarfile.TarFile:
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(content))
