"""Unpacks the submission's tar: regular files with plain relative names, nothing else.

The host wrote the tar itself, in the old ustar shape. This reader is deliberately smaller than the standard library's:
no links, devices, sparse files, extension headers or ownership, so there is nothing for a name or a type to do.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sandbox_runner.trainer.errors import BundleError

_BLOCK = 512
_REGULAR = (b"0", b"\0")


def unpack_descriptor(fd: int, folder: Path) -> list[Path]:
    """Unpacks the sealed file behind `fd` into the new folder `folder`; closes `fd`. Returns the paths written."""
    try:
        size = os.fstat(fd).st_size
        if size == 0:
            raise BundleError("the bundle is empty")
        with mmap.mmap(fd, size, prot=mmap.PROT_READ) as content:
            return unpack(content[:], folder)
    finally:
        os.close(fd)


def unpack(content: bytes, folder: Path) -> list[Path]:
    """Writes every file of the tar below `folder`, which must not exist yet.

    Raises:
        BundleError: a member is not a regular file, has a name that leads elsewhere, comes twice, or is cut off.
    """
    folder.mkdir(parents=True)
    written = []
    for name, body in members(content):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(body)
        except FileExistsError:
            raise BundleError(f"{name} is in the bundle twice") from None
        written.append(path)
    return written


def members(content: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    """(name, bytes) of every file, in order. Directories are passed over: they follow from the names."""
    position = 0
    while position + _BLOCK <= len(content):
        header = content[position : position + _BLOCK]
        position += _BLOCK
        if not header.strip(b"\0"):
            return
        size = _octal(header[124:136])
        body = content[position : position + size]
        if len(body) != size:
            raise BundleError("the bundle is cut off")
        position += -(-size // _BLOCK) * _BLOCK
        kind = header[156:157]
        if kind == b"5":
            continue
        if kind not in _REGULAR:
            raise BundleError(f"the bundle holds a member of type {kind!r}; only regular files are allowed")
        yield _name(header), body
    raise BundleError("the bundle has no end")


def _name(header: bytes) -> PurePosixPath:
    """The member's name, with the ustar prefix; BundleError unless it is relative and stays below the folder."""
    name, prefix = _text(header[:100]), _text(header[345:500]) if header[257:262] == b"ustar" else ""
    full = f"{prefix}/{name}" if prefix else name
    path = PurePosixPath(full)
    if not full or path.is_absolute() or ".." in path.parts or str(path) in (".", ""):
        raise BundleError(f"the bundle holds a file named {full!r}; names are relative and without ..")
    return path


def _text(field: bytes) -> str:
    try:
        return field.partition(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError("the bundle holds a name that is not UTF-8") from None


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or not all(digit in b"01234567" for digit in digits):
        raise BundleError("the bundle holds a size that is not an octal number")
    return int(digits, 8)
