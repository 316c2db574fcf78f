"""Content-addressed files: what a team uploaded, under the name of its SHA-256. Bytes only, never executed."""

import hashlib
import os
import re
import tempfile
from collections.abc import Container
from datetime import datetime
from pathlib import Path

from django.conf import settings

_SHA256 = re.compile(r"[0-9a-f]{64}")


def path_of(sha256: str) -> Path:
    """Where the file with this hash lies. Raises ValueError for anything that is not a SHA-256."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError("a file is named by its SHA-256 in lower-case hexadecimal")
    return Path(settings.FILES_DIRECTORY) / sha256[:2] / sha256


def store(data: bytes) -> str:
    """Keeps the bytes and returns their SHA-256. Storing the same bytes again changes nothing."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = path_of(sha256)
    try:
        os.utime(path)  # in use again: the clean-up looks at the age
    except FileNotFoundError:
        pass
    except PermissionError:
        return sha256  # another user of this machine has written it
    else:
        return sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    _belong_to_the_site(path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.chmod(0o440)
        _belong_to_the_site(draft)
        draft.replace(path)
    except BaseException:
        draft.unlink()
        raise
    return sha256


def _belong_to_the_site(path: Path) -> None:
    """What root stores from the shell has to be readable for the web process, which is another user."""
    if os.geteuid() == 0:
        owner = Path(settings.FILES_DIRECTORY).stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def read(sha256: str) -> bytes:
    """The bytes of a stored file. Raises FileNotFoundError when there is none."""
    return path_of(sha256).read_bytes()


def remove_unused(used: Container[str], *, older_than: datetime) -> int:
    """Removes files that nothing refers to and nobody stored lately; returns how many."""
    removed = 0
    for path in Path(settings.FILES_DIRECTORY).glob("??/*"):
        if path.name in used or path.stat().st_mtime >= older_than.timestamp():
            continue
        path.unlink()
        removed += 1
    return removed
