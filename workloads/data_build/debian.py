"""Reading files out of a Debian package without installing it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path


def read_file(package: Path, path: str) -> bytes:
    """The content of one file of the package, named by its path from the root without a leading slash."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        extracted = files.extractfile(f"./{path}")
        assert extracted is not None
        return extracted.read()
