"""Logs as compact tables: `evals_<leaderboard>.csv.gz`, with trials, hyperparameters and targets in others beside it.

Rows of `evals_*` lie together by submission, so one pass over the file hands over one submission after another.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from scoring.errors import InvalidLogs
from scoring.logs import layout
from scoring.logs.evaluations import MAX_BYTES, Evaluations, check_columns
from scoring.logs.layout import Leaderboard
from scoring.logs.records import FRAMEWORKS, Skipped, SubmissionLog, TrialLog, make_submission, pass_over

KEY_COLUMNS = ("submission", "study", "workload", "framework", "trial")
METADATA_COLUMNS = ("rng_seed", "git_commit_hash", "gpu_model_name", "gpu_count")
MAX_ROWS = 1_000_000
"""Of any table but the evaluations."""
MAX_SUBMISSION_BYTES = 2**30
"""Of the evaluations of one submission."""
_BLOCK = 2**20

TrialKey = tuple[int, str, str, int]
"""Study, workload, framework, trial."""


def is_compact(folder: Path) -> bool:
    """True for a folder of compact tables, of whichever leaderboard."""
    return any(folder.glob("evals_*.csv.gz"))


class CompactLogs:
    """The submissions of one leaderboard in a folder of compact tables.

    Raises:
        InvalidLogs: a table is missing or is not what the folder's description says.
    """

    def __init__(self, folder: Path, leaderboard: Leaderboard) -> None:
        self.skipped: list[Skipped] = []
        self._leaderboard = leaderboard.name
        self._folder = folder
        self._evaluations = folder / f"evals_{leaderboard.name}.csv.gz"
        if not self._evaluations.is_file():
            there = sorted(path.name[6:-7] for path in folder.glob("evals_*.csv.gz"))
            raise InvalidLogs(f"{folder} has no {self._evaluations.name}; it has logs of {', '.join(there)}")
        self._metrics = {row["workload"]: row["metric"] for row in self._rows("targets.csv", "workload", "metric")}
        self._trials: dict[str, dict[TrialKey, dict[str, Any]]] = {}
        for row in self._rows("trials.csv.gz", *KEY_COLUMNS, *METADATA_COLUMNS):
            if layout.SUBMISSION.fullmatch(row["submission"]) is None:
                self.skipped.append(pass_over(f"trials.csv.gz: {row['submission']}", "not a submission's name"))
                continue
            metadata: dict[str, Any] = {name: row[name] for name in METADATA_COLUMNS if row[name]}
            for name in ("rng_seed", "gpu_count"):
                if metadata.get(name, "").isdecimal():
                    metadata[name] = int(metadata[name])
            self._trials.setdefault(row["submission"], {})[_key("trials.csv.gz", row)] = metadata

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._trials))

    def read(
        self, *, skip: Container[str], about: Mapping[str, Mapping[str, str]], details: bool
    ) -> Iterator[SubmissionLog]:
        """The submissions in the order of the file, then those that have trials and no evaluation.

        Raises:
            InvalidLogs: the table cannot be read, or a submission's rows do not lie together.
        """
        hyperparameters = self._hyperparameters() if details else {}
        seen: set[str] = set()
        for name, columns, tables in self._submissions():
            if name in seen:
                raise InvalidLogs(f"{self._evaluations.name}: the rows of {name} do not lie together; sort the table")
            seen.add(name)
            if name not in skip:
                yield self._submission(name, columns, tables, hyperparameters, about.get(name, {}), details)
        for name in self.names:
            if name not in seen and name not in skip:
                yield self._submission(name, (), {}, hyperparameters, about.get(name, {}), details)

    def _submission(
        self,
        name: str,
        columns: tuple[str, ...],
        tables: Mapping[TrialKey, bytes],
        hyperparameters: Mapping[tuple[str, TrialKey], str],
        about: Mapping[str, str],
        details: bool,
    ) -> SubmissionLog:
        trials, problems = [], []
        known = self._trials.get(name, {})
        for key in sorted({*known, *tables}):
            study, workload, framework, trial = key
            source = f"{name}/study_{study}/{workload}_{framework}/trial_{trial}"
            text = hyperparameters.get((name, key))
            try:
                point = layout.parse_object(text) if text else None
            except InvalidLogs as error:
                problems.append(f"hparams.csv.gz: {source}: {error}")
                continue
            trials.append(
                TrialLog(
                    workload=workload,
                    framework=framework,
                    study=study,
                    trial=trial,
                    source=source,
                    evaluations=self._table(workload, columns, tables.get(key, b""), source),
                    hyperparameters=point,
                    metadata=known.get(key) if details else None,
                )
            )
        return make_submission(name, trials, problems=problems, about=about)

    def _table(self, workload: str, columns: tuple[str, ...], body: bytes, source: str) -> Evaluations:
        if len(body) > MAX_BYTES:
            return Evaluations(source=source, fault=f"larger than {MAX_BYTES:,} bytes")
        if b"_" in body or b'"' in body:
            return Evaluations(source=source, fault="a cell holds an underscore or a quote, which no number has")
        metric = self._metrics.get(workload, "metric")
        named = {f"{split}_metric": f"{split}/{metric}" for split in ("validation", "test", "train")}
        return Evaluations(columns=tuple(named.get(name, name) for name in columns), body=body, source=source)

    def _submissions(self) -> Iterator[tuple[str, tuple[str, ...], dict[TrialKey, bytes]]]:
        """Name, columns and rows by trial of each run of rows with one submission."""
        lines = self._lines()
        header = tuple(next(lines, b"").decode("utf-8", "replace").strip().split(","))
        if header[:5] != KEY_COLUMNS:
            raise InvalidLogs(f"{self._evaluations.name}: its columns have to begin with {', '.join(KEY_COLUMNS)}")
        try:
            check_columns(header)
        except InvalidLogs as error:
            raise InvalidLogs(f"{self._evaluations.name}: {error}") from None
        name, prefix, size = "", b"", 0
        tables: dict[TrialKey, list[bytes]] = {}
        rows: list[bytes] = []
        for line in lines:
            if not (prefix and line.startswith(prefix)):
                owner, key, prefix = self._owner(line)
                if owner != name:
                    if tables:
                        yield name, header[5:], {key: b"\n".join(rows) + b"\n" for key, rows in tables.items()}
                    name, tables, size = owner, {}, 0
                rows = tables.setdefault(key, [])
            size += len(line)
            if size > MAX_SUBMISSION_BYTES:
                raise InvalidLogs(f"{self._evaluations.name}: {name} has more than {MAX_SUBMISSION_BYTES:,} bytes")
            rows.append(line[len(prefix) :])
        if tables:
            yield name, header[5:], {key: b"\n".join(rows) + b"\n" for key, rows in tables.items()}

    def _owner(self, line: bytes) -> tuple[str, TrialKey, bytes]:
        """Submission and trial of one row, and the text that all rows of the trial begin with."""
        cells = line.split(b",", 5)[:5]
        try:
            row = dict(zip(KEY_COLUMNS, (cell.decode() for cell in cells), strict=True))
        except (UnicodeDecodeError, ValueError):
            raise InvalidLogs(f"{self._evaluations.name}: not a row of the table: {line[:80]!r}") from None
        if layout.SUBMISSION.fullmatch(row["submission"]) is None:
            raise InvalidLogs(f"{self._evaluations.name}: {row['submission'][:100]!r} is not a submission's name")
        return row["submission"], _key(self._evaluations.name, row), b",".join(cells) + b","

    def _lines(self) -> Iterator[bytes]:
        """The lines of the table of evaluations, without their ends; a line without an end is cut off."""
        rest = b""
        with _unpacked(self._evaluations) as file:
            while block := file.read(_BLOCK):
                *lines, rest = (rest + block).split(b"\n")
                if len(rest) > _BLOCK:
                    raise InvalidLogs(f"{self._evaluations.name}: a line has more than {_BLOCK:,} bytes")
                yield from lines
        if rest:
            raise InvalidLogs(f"{self._evaluations.name}: the last line is cut off; fetch the table again")

    def _hyperparameters(self) -> dict[tuple[str, TrialKey], str]:
        if not (self._folder / "hparams.csv.gz").is_file():
            return {}
        return {
            (row["submission"], _key("hparams.csv.gz", row)): row["hparams"]
            for row in self._rows("hparams.csv.gz", *KEY_COLUMNS, "hparams")
        }

    def _rows(self, name: str, *columns: str) -> Iterator[dict[str, str]]:
        """The rows of a table that belong to this leaderboard."""
        return table_rows(self._folder / name, self._leaderboard, *columns)


def table_rows(path: Path, leaderboard: str, *columns: str) -> Iterator[dict[str, str]]:
    """The rows of a table, compressed or not, whose column `leaderboard` says this one.

    Raises:
        InvalidLogs: no such table, not a table, or not these columns.
    """
    if not path.is_file():
        raise InvalidLogs(f"{path.name} is missing in {path.parent}")
    with _unpacked(path) as file:
        lines = (line.decode() for line in iter(lambda: file.readline(_BLOCK), b""))
        table = csv.DictReader(lines, strict=True)
        missing = [name for name in ("leaderboard", *columns) if name not in (table.fieldnames or ())]
        if missing:
            raise InvalidLogs(f"{path.name} has no column {', '.join(missing)}")
        for number, row in enumerate(table):
            if number >= MAX_ROWS:
                raise InvalidLogs(f"{path.name} has more than {MAX_ROWS:,} rows")
            if None in row or None in row.values():
                raise InvalidLogs(f"{path.name}: row {number + 1} does not have as many cells as the header")
            if row["leaderboard"] == leaderboard:
                yield row


@contextmanager
def _unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """The content of a file, compressed or not; an error while it is read is InvalidLogs."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InvalidLogs(f"{path.name} cannot be read: {error}") from None


def _key(table: str, row: Mapping[str, str]) -> TrialKey:
    study, workload = row["study"], row["workload"]
    named = f"study_{study}", f"{workload}_{row['framework']}", f"trial_{row['trial']}"
    patterns = layout.STUDY, layout.WORKLOAD, layout.TRIAL
    if row["framework"] not in FRAMEWORKS or any(
        pattern.fullmatch(text) is None for pattern, text in zip(patterns, named, strict=True)
    ):
        raise InvalidLogs(f"{table}: not a study, a workload, a framework and a trial: {'/'.join(named)[:200]}")
    return int(study), workload, row["framework"], int(row["trial"])
