"""The work itself: parts, done in parallel, each moved to its place when it is whole."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workloads.data_prepare import manifest
from workloads.data_prepare.journal import Journal
from workloads.data_prepare.manifest import Done, Manifest
from workloads.data_prepare.parts import FOLDERS, Part, Preparer, Say, lines_of
from workloads.data_prepare.pool import results
from workloads.data_prepare.verify import wrong_counts
from workloads.errors import DataDamaged, DataError, DataMismatch, DataMissing

_WORKING = ".working"  # beside the splits, so that a finished file only has to be renamed


def prepare(preparer: Preparer, source: Path, root: Path, workers: int, say: Say) -> Path:
    """Makes `root/<dataset>` from a source, or what is missing of it; returns that folder.

    Args:
        workers: worker processes; with 1 everything happens in this process.
    Raises:
        DataMissing: the source lacks something, or the disk has not enough room.
        DataDamaged: some of the source's files cannot be read; everything else of their stage is done.
        DataMismatch: the result does not hold the examples that the dataset has to have.
    """
    if not source.is_dir():
        raise DataMissing(f"there is no folder {source}: --from names the folder with\n{preparer.layout}")
    problems = preparer.check(source, say)
    if problems:
        raise DataMissing(
            f"the source of {preparer.dataset} is not complete:\n{lines_of(problems)}\n"
            f"Expected below {source}:\n{preparer.layout}"
        )
    parts = _checked(preparer.parts(source))
    prepared = (root / preparer.dataset).resolve()
    prepared.mkdir(parents=True, exist_ok=True)
    with _alone(prepared):
        _prepare(_Work(preparer=preparer, source=source.resolve(), prepared=prepared), parts, workers, say)
    say(f"{prepared} is complete")
    return prepared


def _prepare(work: _Work, parts: Sequence[Part], workers: int, say: Say) -> None:
    plan = _plan(work.preparer, parts)
    journal = _reopen(work.prepared, plan, workers, say)
    missing = [part for part in parts if not _is_there(work.prepared, journal.done.get(part.name))]
    _check_room(work.prepared, missing)
    say(f"{work.preparer.dataset}: {len(parts)} parts, {len(parts) - len(missing)} of them done already")
    shutil.rmtree(work.prepared / _WORKING, ignore_errors=True)
    try:
        _do(work, missing, workers, journal, say)
    finally:
        shutil.rmtree(work.prepared / _WORKING, ignore_errors=True)
    _check_result(work, journal.done)
    manifest.write(work.prepared, work.preparer, plan, {part.name: journal.done[part.name] for part in parts})
    journal.remove()


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What every worker needs to know, whatever the part."""

    preparer: Preparer
    source: Path
    prepared: Path

    def do(self, part: Part) -> Done:
        """Writes one part beside its place. Runs in a worker process."""
        folder = self.folder(part)
        folder.mkdir(parents=True)
        examples = self.preparer.write(part, self.source, folder, self.prepared)
        if part.examples is not None and examples != part.examples:
            raise DataDamaged(
                f"{part.name} holds {examples:,} examples, expected {part.examples:,}: "
                "the source is cut off or is another version; get its files again"
            )
        files = {path.name: manifest.describe(path) for path in sorted(folder.iterdir())}
        return Done(split=part.split, examples=examples, files=files)

    def put(self, part: Part, done: Done) -> None:
        """Moves a whole part to its place."""
        split = self.prepared / part.split
        split.mkdir(exist_ok=True)
        for name in done.files:
            # A rename onto another name of the same file would do nothing.
            (split / name).unlink(missing_ok=True)
            (self.folder(part) / name).rename(split / name)

    def folder(self, part: Part) -> Path:
        return self.prepared / _WORKING / part.name


def _do(work: _Work, parts: Sequence[Part], workers: int, journal: Journal, say: Say) -> None:
    """Stage after stage; a part that fails leaves the others of its stage alone."""
    progress = _Progress(len(parts), say)
    for stage in sorted({part.stage for part in parts}):
        failures = []
        for part, outcome in results(work.do, [part for part in parts if part.stage == stage], workers):
            if isinstance(outcome, DataError):
                failures.append(outcome)
                say(str(outcome))
            else:
                work.put(part, outcome)
                journal.add(part.name, outcome)
                progress.step(part)
        if failures:
            raise DataDamaged(
                f"{len(failures)} parts could not be made:\n{lines_of(failures)}\n"
                "What is done stays done; put this right and run the same command again."
            )


class _Progress:
    """Says how far it is, at most every few seconds."""

    def __init__(self, total: int, say: Say, every_s: float = 5) -> None:
        self.total, self.say, self.every_s = total, say, every_s
        self.done = 0
        self.started = self.told = time.monotonic()

    def step(self, part: Part) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.told < self.every_s and self.done < self.total:
            return
        self.told = now
        left = (now - self.started) / self.done * (self.total - self.done)
        self.say(f"{self.done} of {self.total} parts done, the last {part.name}; about {left / 60:.0f} minutes left")


@contextmanager
def _alone(prepared: Path) -> Iterator[None]:
    """Keeps a second preparation out of a folder in which one is under way."""
    folder = os.open(prepared, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise DataMismatch(f"another process is preparing {prepared}: wait for it, or end it") from None
    finally:
        os.close(folder)


def _plan(preparer: Preparer, parts: Sequence[Part]) -> str:
    """The identity of a preparation: the same parts of the same format."""
    work = [[part.name, part.split, part.stage, part.job, part.examples] for part in parts]
    document = json.dumps([preparer.dataset, preparer.version, work])
    return hashlib.sha256(document.encode()).hexdigest()


def _reopen(prepared: Path, plan: str, workers: int, say: Say) -> Journal:
    """The journal of an unfinished run; of a finished one, the parts whose files still have their hashes."""
    if not (prepared / manifest.FILE).exists():
        return Journal(prepared, plan)
    finished = Manifest.read(prepared)
    if finished.plan != plan:
        raise DataMismatch(
            f"{prepared} was prepared from another source or format: remove it to prepare it again, "
            "or choose another --to"
        )
    say(f"{prepared} was complete: comparing its files")
    damaged = finished.damaged_files(prepared, workers)
    journal = Journal(prepared, plan)
    for name, done in finished.parts.items():
        if any((done.split, file) in damaged for file in done.files):
            (prepared / manifest.FILE).unlink(missing_ok=True)  # it is not finished any more
        else:
            journal.add(name, done)
    return journal


def _is_there(prepared: Path, done: Done | None) -> bool:
    """True when a part is recorded and its files have their sizes; hashes are `data verify`'s."""
    if done is None:
        return False
    paths = [(prepared / done.split / name, facts["nbytes"]) for name, facts in done.files.items()]
    return all(path.is_file() and path.stat().st_size == nbytes for path, nbytes in paths)


def _checked(parts: Sequence[Part]) -> Sequence[Part]:
    """Tells the authors of preparers what they must not do."""
    names = {part.name for part in parts}
    if len(names) != len(parts) or any(part.split not in FOLDERS or "/" in part.name for part in parts):
        raise ValueError(f"parts have plain, different names and go to one of {', '.join(FOLDERS)}")
    return parts


def _check_room(prepared: Path, parts: Sequence[Part]) -> None:
    needed, free = sum(part.nbytes for part in parts), shutil.disk_usage(prepared).free
    if needed > free:
        raise DataMissing(
            f"{prepared} needs about {needed / 1e9:,.1f} GB and has {free / 1e9:,.1f} GB free: choose another --to"
        )


def _check_result(work: _Work, done: Mapping[str, Done]) -> None:
    preparer = work.preparer
    files = Counter((part.split, name) for part in done.values() for name in part.files)
    twice = [f"{split}/{name}" for (split, name), times in files.items() if times > 1]
    if twice:
        raise ValueError(f"two parts of {preparer.dataset} wrote the same file: {', '.join(twice[:3])}")
    wrong = wrong_counts(manifest.count(done), preparer.counts)
    if wrong:
        raise DataMismatch(
            f"{preparer.dataset} is not the benchmark's: {'; '.join(wrong)}. The source is incomplete or another "
            f"version. Expected below {work.source}:\n{preparer.layout}"
        )
