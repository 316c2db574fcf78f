"""Opening logs, in whichever form they are."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from scoring.errors import InvalidLogs
from scoring.logs.compact import CompactLogs, is_compact, table_rows
from scoring.logs.folder import FolderLogs
from scoring.logs.layout import Leaderboard
from scoring.logs.records import Skipped, SubmissionLog

if TYPE_CHECKING:
    from scoring.logs.archive import ArchiveLogs


class Logs:
    """The logs of one leaderboard; make it with `open_logs` and use it in a `with` statement."""

    def __init__(self, source: CompactLogs | FolderLogs | ArchiveLogs, about: Mapping[str, Mapping[str, str]]) -> None:
        self._source = source
        self._about = about

    @property
    def submissions(self) -> tuple[str, ...]:
        """The names of all submissions, sorted."""
        return self._source.names

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was passed over outside the submissions; see also `SubmissionLog.skipped`."""
        return tuple(self._source.skipped)

    def read(self, *, skip: Container[str] = (), details: bool = True) -> Iterator[SubmissionLog]:
        """One submission after another; only the one in hand is kept in memory.

        Args:
            skip: names that are not wanted; their trials are not read.
            details: False leaves hyperparameters and metadata out, which scoring does not need.
        Raises:
            InvalidLogs: the source as a whole cannot be read. What is wrong with one submission is in its `problems`.
        """
        if isinstance(self._source, CompactLogs):
            yield from self._source.read(skip=skip, about=self._about, details=details)
            return
        for name in self.submissions:
            if name not in skip:
                yield self._source.read(name, about=self._about.get(name, {}), details=details)

    def close(self) -> None:
        if not isinstance(self._source, CompactLogs | FolderLogs):
            self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_logs(path: Path, *, edition: str, ruleset: str, about: Mapping[str, Mapping[str, str]] | None = None) -> Logs:
    """The logs of one leaderboard: compact tables, a folder in the original layout, or an archive of it.

    Args:
        path: see `scoring.logs`.
        edition: `v0.5`, `v0.6`; in the original layout `algoperf_v05`, in the compact tables `v05`.
        ruleset: `external` or `self_tuning`.
        about: what is known about each submission; default: `submissions.csv` of the compact tables.
    Raises:
        InvalidLogs: there is nothing at `path`, nothing that is known, or nothing of this leaderboard.
    """
    leaderboard = Leaderboard(edition=edition, ruleset=ruleset)
    source = _open(path, leaderboard)
    if about is None and isinstance(source, CompactLogs) and (path / "submissions.csv").is_file():
        about = read_about(path / "submissions.csv", edition=edition, ruleset=ruleset)
    logs = Logs(source, about or {})
    if not logs.submissions:
        logs.close()
        others = sorted(getattr(source, "others", ()))
        nothing = "there is neither a table evals_*.csv.gz nor a tree <submission>/study_N/<workload>_<framework>"
        found = f"there is only {', '.join(others)}" if others else nothing
        raise InvalidLogs(f"{path} holds no logs of {edition} {ruleset}: {found}")
    return logs


def read_about(path: Path, *, edition: str, ruleset: str) -> dict[str, dict[str, str]]:
    """What a `submissions.csv` says about the submissions of one leaderboard, by name.

    Raises:
        InvalidLogs: no such table, or one without the columns `leaderboard` and `submission`.
    """
    leaderboard = Leaderboard(edition=edition, ruleset=ruleset).name
    return {row["submission"]: row for row in table_rows(path, leaderboard, "submission")}


def _open(path: Path, leaderboard: Leaderboard) -> CompactLogs | FolderLogs | ArchiveLogs:
    if path.is_dir():
        return CompactLogs(path, leaderboard) if is_compact(path) else FolderLogs(path, leaderboard)
    if path.is_file():
        # Loading what reads archives takes as long as a fifth of a thousand tables; most readers have none.
        from scoring.logs.archive import ArchiveLogs

        return ArchiveLogs(path, leaderboard)
    raise InvalidLogs(f"there is nothing at {path}; name a folder of logs or a .tar.gz of one")
