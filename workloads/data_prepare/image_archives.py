"""The archives and folders in which ImageNet and ImageNet-v2 are handed out.

Nothing is unpacked: files are read where they lie, by name and place. Archives are as untrusted as their content.
"""

from __future__ import annotations

import functools
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from workloads.errors import DataDamaged, DataMissing

_LARGEST_BYTES = 64 << 20  # of one photograph
_SUFFIXES = (".jpeg", ".jpg")
_VALIDATION_NAME = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
_GROUND_TRUTH, _META = "data/ILSVRC2012_validation_ground_truth.txt", "data/meta.mat"

Named = tuple[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Member:
    """A regular file in an archive that is not compressed."""

    name: str
    header: int  # where its header begins
    start: int  # where its content begins
    nbytes: int


@functools.lru_cache(maxsize=4)
def members(archive: Path) -> tuple[Member, ...]:
    """Every regular file, in the archive's order; contents are passed over."""
    with opened(archive, "r:") as tar:
        return tuple(
            Member(name=info.name, header=info.offset, start=info.offset_data, nbytes=info.size)
            for info in tar
            if info.isreg()
        )


def files_of(archive: Path, start: int | None = None, nbytes: int | None = None) -> Iterator[Named]:
    """(name, content) of every photograph, in order; of the archive that lies in another one at `start`, if given."""
    if start is None or nbytes is None:
        with opened(archive, "r:*") as tar:
            yield from _photographs(archive, tar)
        return
    with archive.open("rb") as whole:
        whole.seek(start)
        inner = io.BytesIO(whole.read(nbytes))  # one class, about 150 MB
    with opened(archive, "r:", inner) as tar:
        yield from _photographs(archive, tar)


def read_members(archive: Path, places: Sequence[tuple[int, int]]) -> Iterator[Named]:
    """The contents at these (start, nbytes)."""
    with archive.open("rb") as file:
        for start, nbytes in places:
            _check_size(f"{archive.name} at byte {start}", nbytes)
            file.seek(start)
            yield f"{archive.name} at byte {start}", file.read(nbytes)


def folder_files(folder: Path) -> list[Path]:
    """The photographs of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)


def read_folder(folder: Path) -> Iterator[Named]:
    for path in folder_files(folder):
        _check_size(str(path), path.stat().st_size)
        yield str(path), path.read_bytes()


def validation_number(name: str) -> int:
    """1 to 50,000, from a file's name; DataDamaged when it has another one."""
    found = _VALIDATION_NAME.fullmatch(PurePosixPath(name).name)
    if not found:
        raise DataDamaged(
            f"{name!r} is not called like a validation image: ILSVRC2012_val_00000001.JPEG. Get it again."
        )
    return int(found[1])


def validation_classes(devkit: Path) -> list[str]:
    """The class of every validation image, by its number, from the development kit (a folder or its archive).

    The kit numbers classes in an order of its own; `meta.mat` says which is which.
    """
    from scipy.io import loadmat

    truth, meta = (_kit_file(devkit, name) for name in (_GROUND_TRUTH, _META))
    try:
        synsets = loadmat(io.BytesIO(meta), squeeze_me=True)["synsets"]
        classes = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in np.atleast_1d(synsets)}
        return [classes[int(line)] for line in truth.decode("ascii").split()]
    except (ValueError, KeyError, TypeError, IndexError, NotImplementedError, UnicodeDecodeError) as error:
        raise DataDamaged(f"{devkit}: {_GROUND_TRUTH} or {_META} cannot be read ({error!r}). Get it again.") from error


@contextmanager
def opened(archive: Path, mode: str, content: io.BytesIO | None = None) -> Iterator[tarfile.TarFile]:
    """An archive; what cannot be read of it is a DataDamaged."""
    try:
        with tarfile.open(archive, mode, content) as tar:  # type: ignore[call-overload]  # modes are literals
            yield tar
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataDamaged(f"{archive}: it cannot be read ({error}). Download it again.") from error


def _photographs(archive: Path, tar: tarfile.TarFile) -> Iterator[Named]:
    for info in tar:
        if not info.isreg() or PurePosixPath(info.name).suffix.lower() not in _SUFFIXES:
            continue
        _check_size(f"{archive.name}: {info.name}", info.size)
        file = tar.extractfile(info)
        assert file is not None
        yield info.name, file.read()


def _kit_file(devkit: Path, name: str) -> bytes:
    """A file of the kit, whose folder may have any name."""
    if devkit.is_dir():
        try:
            return (devkit / name).read_bytes()
        except OSError:
            raise DataMissing(f"{devkit / name} is missing: unpack ILSVRC2012_devkit_t12.tar.gz again") from None
    with opened(devkit, "r:*") as tar:
        for info in tar:
            if info.isreg() and info.name.endswith(f"/{name}"):
                _check_size(f"{devkit.name}: {name}", info.size)
                file = tar.extractfile(info)
                assert file is not None
                return file.read()
    raise DataDamaged(f"{devkit} holds no {name}. Download it again.")


def _check_size(name: str, nbytes: int) -> None:
    if nbytes > _LARGEST_BYTES:
        raise DataDamaged(f"{name} has {nbytes:,} bytes, more than any photograph of ImageNet. Get it again.")
