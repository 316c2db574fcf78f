"""From uploaded bytes to named files in memory. Nothing is ever written to a disk or executed.

The reader works in four steps, each a check of its own: size of the upload, the table of the zip, the names, the
unpacked bytes. A step only starts when the ones before it found nothing to refuse.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox_runner.compliance import file_names, limits, zip_directory
from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.zip_directory import Entry, ZipDamaged
from sandbox_runner.errors import ArchiveRejected

SIZE = CheckInfo(id="archive-size", title="The upload is small enough", stage=Stage.ARCHIVE)
ZIP = CheckInfo(id="archive-zip", title="The archive is a plain, undamaged zip", stage=Stage.ARCHIVE)
NAMES = CheckInfo(id="archive-names", title="File names are plain and safe", stage=Stage.ARCHIVE)
UNPACKED = CheckInfo(id="archive-unpacked", title="The unpacked files are within the limits", stage=Stage.ARCHIVE)
CHECKS = (SIZE, ZIP, NAMES, UNPACKED)

_SMALLER = "Leave out checkpoints, data and environments; a submission is source code."
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say, so that equal folders give equal archives


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The files of a submission in memory, by path, sorted. `notes` are remarks about the packing."""

    files: Mapping[str, bytes]
    sha256: str  # of the uploaded bytes
    notes: tuple[Finding, ...] = ()

    def bundle(self) -> bytes:
        """A tar of the files that depends on nothing but their names and bytes: what a trainer is handed."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, content in sorted(self.files.items()):
                member = tarfile.TarInfo(name)  # mode 0644, uid 0, mtime 0 are its defaults
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return stream.getvalue()

    @property
    def bundle_sha256(self) -> str:
        return hashlib.sha256(self.bundle()).hexdigest()


def read_archive(data: bytes) -> Archive:
    """The files of an uploaded zip.

    Raises:
        ArchiveRejected: the zip is not acceptable; its findings name the check, the entry and the remedy.
    """
    if len(data) > limits.MAX_ARCHIVE_BYTES:
        raise _rejected(
            SIZE, f"The archive is {_size(len(data))}, the limit is {_size(limits.MAX_ARCHIVE_BYTES)}.", _SMALLER
        )
    try:
        entries = zip_directory.read_entries(data)
        named, notes = _named_entries(entries)
        files = dict(_unpacked(data, named))
    except ZipDamaged as error:
        raise _rejected(ZIP, error.message, error.fix, error.name) from None
    return Archive(files=files, sha256=hashlib.sha256(data).hexdigest(), notes=notes)


def archive_of_folder(path: Path) -> Archive:
    """The same as uploading a zip of the folder.

    Raises:
        ArchiveRejected: as `read_archive`.
        NotADirectoryError: `path` is no folder.
    """
    return read_archive(zip_of_folder(path))


def zip_of_folder(path: Path) -> bytes:
    """A zip of a folder that depends on nothing but names and bytes. `__pycache__` and `.git` are left out.

    Raises:
        ArchiveRejected: the folder is too large, or holds something else than files and folders.
        NotADirectoryError: `path` is no folder.
    """
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is not a folder")
    stream = io.BytesIO()
    total = 0
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for count, (name, file) in enumerate(sorted(_walk(path)), start=1):
            total += file.stat().st_size
            if total > limits.MAX_TOTAL_BYTES or count > limits.MAX_FILES:
                raise _rejected(UNPACKED, _too_much(), _SMALLER)
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return stream.getvalue()


def read_bundle(bundle: bytes) -> dict[str, bytes]:
    """The files of a tar made by `Archive.bundle`, for showing them.

    Raises:
        ArchiveRejected: the bytes are something else.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:") as tar:
            members = tar.getmembers()
            if sum(member.size for member in members) > limits.MAX_TOTAL_BYTES:
                raise _rejected(UNPACKED, _too_much(), _SMALLER)
            contents = {member.name: tar.extractfile(member) for member in members if member.isreg()}
            files = {name: content.read() for name, content in contents.items() if content is not None}
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _rejected(UNPACKED, f"The bundle is not a plain tar: {error}", "Upload the archive again.") from None
    if Archive(files=files, sha256="").bundle() != bundle:
        raise _rejected(UNPACKED, "The bundle is not in its normal form.", "Upload the archive again.")
    return files


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as children:
        for child in children:
            name = prefix + child.name
            if file_names.is_skipped(name):
                continue
            if child.is_dir(follow_symlinks=False):
                yield from _walk(Path(child.path), f"{name}/")
            elif child.is_file(follow_symlinks=False):
                yield name, Path(child.path)
            else:
                raise _rejected(NAMES, *_NOT_REGULAR, name)


_NOT_REGULAR = (
    "This is a symbolic link or a device, not a file.",
    "Replace it by the file itself; with zip, leave out the option -y.",
)


def _named_entries(entries: Iterable[Entry]) -> tuple[dict[str, Entry], tuple[Finding, ...]]:
    """The entries that are files of the submission, by their final path, and remarks about what was left out."""
    refused: list[Finding] = []
    kept: dict[str, Entry] = {}
    skipped = 0
    for entry in entries:
        name = file_names.decode(entry.raw_name, is_utf8=entry.is_utf8)
        if isinstance(name, file_names.NameProblem):
            refused.append(_refused_name(name.message, name.fix, name.path))
        elif file_names.is_skipped(name):
            skipped += 1
        elif not entry.is_regular:
            refused.append(_refused_name(*_NOT_REGULAR, name))
        elif entry.is_folder:
            if entry.unpacked:
                refused.append(_refused_name("This folder has contents of its own.", "Make the archive again.", name))
        elif name in kept:
            refused.append(_refused_name("Two files have the same name.", "Make the archive again.", name))
        else:
            kept[name] = entry
    if refused:
        raise ArchiveRejected(refused[: limits.MAX_FINDINGS_PER_CHECK])
    top = file_names.wrapping_folder(kept)
    if top is not None:
        kept = {name.removeprefix(f"{top}/"): entry for name, entry in kept.items()}
    problems = [_refused_name(problem.message, problem.fix, problem.path) for problem in file_names.problems(kept)]
    if problems:
        raise ArchiveRejected(problems[: limits.MAX_FINDINGS_PER_CHECK])
    if not kept:
        raise _rejected(NAMES, "The archive holds no files.", "Zip the folder that holds submission.py.")
    return dict(sorted(kept.items())), tuple(_packing_notes(top, skipped))


def _packing_notes(top: str | None, skipped: int) -> Iterator[Finding]:
    if top is not None:
        yield NAMES.finding(
            Verdict.NOTE,
            f"Everything is inside the folder {top}; its contents were taken as the submission.",
            "Nothing to do.",
        )
    if skipped:
        yield NAMES.finding(
            Verdict.NOTE,
            f"{skipped} entries that systems add by themselves (__MACOSX, .DS_Store, __pycache__, .git) were left out.",
            "Nothing to do.",
        )


def _unpacked(data: bytes, entries: Mapping[str, Entry]) -> Iterator[tuple[str, bytes]]:
    """Unpacks entry by entry against running counters; what the headers claim is compared, never believed."""
    if len(entries) > limits.MAX_FILES:
        raise _rejected(UNPACKED, f"The archive holds {len(entries)} files, the limit is {limits.MAX_FILES}.", _SMALLER)
    total = 0
    for name, entry in entries.items():
        content = zip_directory.unpack(data, entry, limits.MAX_FILE_BYTES)
        if len(content) > limits.MAX_FILE_BYTES:
            raise _rejected(UNPACKED, f"The file is larger than {_size(limits.MAX_FILE_BYTES)}.", _SMALLER, name)
        if len(content) > limits.MAX_RATIO * max(entry.packed, 1):
            raise _rejected(
                UNPACKED,
                f"The file unpacks to more than {limits.MAX_RATIO} times its size in the archive.",
                "Leave out long runs of the same bytes.",
                name,
            )
        total += len(content)
        if total > limits.MAX_TOTAL_BYTES:
            raise _rejected(UNPACKED, _too_much(), _SMALLER)
        yield name, content


def _too_much() -> str:
    return (
        f"The files are more than {_size(limits.MAX_TOTAL_BYTES)} or more than {limits.MAX_FILES} files, "
        "which is the limit for all of them together."
    )


def _refused_name(message: str, fix: str, path: str) -> Finding:
    return NAMES.finding(Verdict.REJECTED, message, fix, path=path)


def _rejected(check: CheckInfo, message: str, fix: str, path: str = "") -> ArchiveRejected:
    return ArchiveRejected([check.finding(Verdict.REJECTED, message, fix, path=path)])


def _size(nbytes: int) -> str:
    """In MB, rounded up, so that what is too large never looks like the limit."""
    return f"{math.ceil(nbytes * 100 / limits.MIB) / 100:g} MB"
