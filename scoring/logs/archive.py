"""Logs in the original layout, in a `.tar` or `.tar.gz`. Nothing is unpacked: members are read where they lie."""

from __future__ import annotations

import gzip
import os
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from scoring.errors import InvalidLogs
from scoring.logs import layout
from scoring.logs.layout import Leaderboard, Place
from scoring.logs.records import Skipped, SubmissionLog, TrialLog, make_submission, pass_over

MAX_BYTES = 4 * 2**30
"""How large an archive may be once decompressed."""
MAX_MEMBERS = 500_000
MAX_PATH = 1_000
_MAX_HEADER = 64 * 1024
_BLOCK = 2**20


@dataclass(frozen=True, kw_only=True)
class _Member:
    """Where a member's bytes lie in the uncompressed archive."""

    offset: int
    size: int


@dataclass(frozen=True, kw_only=True)
class _Indexed:
    """One submission's members: where each file of each trial lies."""

    trials: dict[Place, dict[str, _Member]] = field(default_factory=dict)
    stray: dict[str, str] = field(default_factory=dict)  # reason by path


class ArchiveLogs:
    """The submissions of one leaderboard in an archive. A path that is there twice: the later one, as tar has it.

    A compressed archive is decompressed into a temporary file without a name, once.

    Raises:
        InvalidLogs: not such an archive, or larger than an archive of logs can be.
    """

    def __init__(self, path: Path, leaderboard: Leaderboard) -> None:
        self.skipped: list[Skipped] = []
        self.others: set[str] = set()
        self._leaderboard = leaderboard
        self._submissions: dict[str, _Indexed] = {}
        self._file = _uncompressed(path)
        try:
            self._index(path)
        except BaseException:
            self._file.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._submissions))

    def close(self) -> None:
        self._file.close()

    def read(self, name: str, *, about: Mapping[str, str], details: bool) -> SubmissionLog:
        """One submission; what is wrong with it becomes its `problems`."""
        trials: list[TrialLog] = []
        problems: list[str] = []
        indexed = self._submissions[name]
        for place, files in indexed.trials.items():
            try:
                trials.append(layout.read_trial(place, self._reader(files), details=details))
            except InvalidLogs as error:
                problems.append(str(error))
        skipped = [pass_over(path, reason) for path, reason in sorted(indexed.stray.items())]
        return make_submission(name, trials, skipped=skipped, problems=problems, about=about)

    def _index(self, path: Path) -> None:
        try:
            with tarfile.open(fileobj=_Bounded(self._file), mode="r:") as archive:  # type: ignore[call-overload]
                for number, member in enumerate(archive):
                    if number >= MAX_MEMBERS:
                        raise InvalidLogs(f"{path.name}: more than {MAX_MEMBERS:,} members")
                    self._add(member)
                    archive.members = []  # it would keep every header
        except (tarfile.TarError, OSError, ValueError, EOFError) as error:
            if isinstance(error, InvalidLogs):
                raise
            raise InvalidLogs(f"{path.name} is not a readable tar archive: {error}") from None

    def _add(self, member: tarfile.TarInfo) -> None:
        if len(member.name) > MAX_PATH or not (member.isreg() or member.isdir()):
            return  # links and devices are no logs
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        studies = [place for place, part in enumerate(parts) if layout.STUDY.fullmatch(part)]
        if not studies or studies[0] == 0:
            return
        first = studies[0]
        wrong = [part for part in parts[:first] if not self._leaderboard.may_hold(part)]
        if wrong:
            self.others.update(wrong)
            return
        name = layout.submission_name(parts[first - 1])
        if name is None:
            self._pass_over("/".join(parts[:first]), "its name is not that of a submission")
            return
        self._add_to(self._submissions.setdefault(name, _Indexed()), parts, first, member)

    def _add_to(self, indexed: _Indexed, parts: list[str], first: int, member: tarfile.TarInfo) -> None:
        """Notes one path at or below a study of a submission."""
        below = parts[first + 1 :]
        if not below:
            return
        workload = layout.WORKLOAD.fullmatch(below[0])
        if workload is None:
            if len(below) > 1 or member.isdir():
                indexed.stray["/".join(parts[: first + 2])] = layout.WHY_NOT_A_WORKLOAD
            return
        if len(below) == 1:
            return
        trial = layout.TRIAL.fullmatch(below[1])
        if trial is None:
            if len(below) > 2 or member.isdir():
                indexed.stray["/".join(parts[: first + 3])] = "not a trial"
            return
        study = layout.STUDY.fullmatch(parts[first])
        assert study is not None
        place = Place(
            workload=workload[1],
            framework=workload[2],
            study=int(study[1]),
            trial=int(trial[1]),
            source="/".join(parts[: first + 3]),
        )
        files = indexed.trials.setdefault(place, {})
        if len(below) == 3 and below[2] in layout.FILES and member.isreg():
            files[below[2]] = _Member(offset=member.offset_data, size=member.size)

    def _pass_over(self, path: str, reason: str) -> None:
        skipped = pass_over(path, reason)
        if skipped not in self.skipped:
            self.skipped.append(skipped)

    def _reader(self, files: Mapping[str, _Member]) -> layout.Reader:
        def read(name: str) -> bytes | None:
            member = files.get(name)
            if member is None:
                return None
            layout.check_size(name, member.size)
            text = os.pread(self._file.fileno(), member.size, member.offset)
            if len(text) != member.size:
                raise InvalidLogs(f"{name} is cut short; the archive is damaged")
            return text

        return read


class _Bounded:
    """What `tarfile` reads headers from. One that asks for more memory than a header needs is an attack."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if size > _MAX_HEADER:
            raise InvalidLogs(f"a header of the archive has {size:,} bytes; more than {_MAX_HEADER:,} are not read")
        return self._file.read(size)


def _uncompressed(path: Path) -> IO[bytes]:
    """The archive without compression; the caller closes it."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    if not compressed:
        return path.open("rb")
    spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the logs)
    try:
        with gzip.open(path, "rb") as packed:
            size = 0
            while block := packed.read(_BLOCK):
                size += len(block)
                if size > MAX_BYTES:
                    raise InvalidLogs(f"{path.name} has more than {MAX_BYTES:,} bytes once decompressed")
                spool.write(block)
    except (OSError, EOFError, zlib.error) as error:
        spool.close()
        raise InvalidLogs(f"{path.name} is not a readable .tar.gz: {error}") from None
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool
