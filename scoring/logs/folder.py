"""Logs in the original layout, in a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from scoring.errors import InvalidLogs
from scoring.logs import layout
from scoring.logs.layout import Leaderboard, Place
from scoring.logs.records import Skipped, SubmissionLog, TrialLog, make_submission, pass_over, printable

MAX_DEPTH = 8
"""How far below the opened folder a submission may lie; a checkout of the leaderboard repository needs four."""
MAX_FOLDERS = 200_000


class FolderLogs:
    """The submissions of one leaderboard below a folder. Links are not followed.

    Raises:
        InvalidLogs: too many folders.
    """

    def __init__(self, root: Path, leaderboard: Leaderboard) -> None:
        self.skipped: list[Skipped] = []
        self.others: set[str] = set()
        self._root = root
        self._leaderboard = leaderboard
        self._folders: dict[str, list[str]] = {}  # relative to the root, as text: there are thousands of them
        self._left = MAX_FOLDERS
        # The folder may itself lie inside the layout: one ruleset's folder must not be read as the other's.
        inside = root.resolve().parts[-4:]
        if all(leaderboard.may_hold(part) for part in inside):
            self._find(".", 0)
        else:
            self.others.update(part for part in inside if not leaderboard.may_hold(part))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._folders))

    def read(self, name: str, *, about: Mapping[str, str], details: bool) -> SubmissionLog:
        """One submission; what is wrong with it becomes its `problems`."""
        trials: list[TrialLog] = []
        problems: list[str] = []
        skipped: list[Skipped] = []
        try:
            for place in [place for folder in self._folders[name] for place in self._places(folder, skipped)]:
                try:
                    trials.append(layout.read_trial(place, _reader(f"{self._root}/{place.source}"), details=details))
                except InvalidLogs as error:
                    problems.append(str(error))
        except InvalidLogs as error:  # a folder that cannot be listed
            problems.append(str(error))
        return make_submission(name, trials, skipped=skipped, problems=problems, about=about)

    def _find(self, folder: str, depth: int) -> None:
        """Looks for folders that hold studies, from here down."""
        children = self._children(folder)
        if any(layout.STUDY.fullmatch(child) for child in children):
            self._add(folder)
        elif depth < MAX_DEPTH:
            for child in children:
                if child.startswith("."):
                    continue
                if self._leaderboard.may_hold(child):
                    self._find(_join(folder, child), depth + 1)
                else:
                    self.others.add(child)

    def _add(self, folder: str) -> None:
        name = layout.submission_name((self._root / folder).resolve().name)
        if name is None:
            self.skipped.append(pass_over(folder, "its name is not that of a submission"))
        else:
            self._folders.setdefault(name, []).append(folder)

    def _places(self, folder: str, skipped: list[Skipped]) -> Iterator[Place]:
        """Every trial folder of a submission."""
        for study_name in self._children(folder):
            study, in_study = layout.STUDY.fullmatch(study_name), _join(folder, study_name)
            if study is None:
                skipped.append(pass_over(in_study, "not a study"))
                continue
            for workload_name in self._children(in_study):
                workload, in_workload = layout.WORKLOAD.fullmatch(workload_name), _join(in_study, workload_name)
                if workload is None:
                    skipped.append(pass_over(in_workload, layout.WHY_NOT_A_WORKLOAD))
                    continue
                for trial_name in self._children(in_workload):
                    trial, source = layout.TRIAL.fullmatch(trial_name), _join(in_workload, trial_name)
                    if trial is None:
                        skipped.append(pass_over(source, "not a trial"))
                        continue
                    yield Place(
                        workload=workload[1],
                        framework=workload[2],
                        study=int(study[1]),
                        trial=int(trial[1]),
                        source=source,
                    )

    def _children(self, folder: str) -> list[str]:
        """The names of the folders in a folder, in order."""
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError as error:
            raise InvalidLogs(f"{printable(folder)}: {error.strerror}") from None
        self._left -= len(names)
        if self._left < 0:
            raise InvalidLogs(f"{self._root}: more than {MAX_FOLDERS:,} folders; name the folder that holds the logs")
        return names


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"


def _reader(folder: str) -> layout.Reader:
    def read(name: str) -> bytes | None:
        # Not blocking, so that a pipe somebody put there does not hold us up.
        try:
            file = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidLogs(f"{name} cannot be opened: {error.strerror}") from None
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidLogs(f"{name} is not a plain file")
            layout.check_size(name, status.st_size)
            return _all_of(file, status.st_size)
        finally:
            os.close(file)

    return read


def _all_of(file: int, size: int) -> bytes:
    """The first `size` bytes, in as many reads as it takes."""
    text = os.read(file, size)
    while len(text) < size and (more := os.read(file, size - len(text))):
        text += more
    return text
