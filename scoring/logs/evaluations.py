"""The table of one trial: text as it was logged, numbers when they are asked for."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scoring.errors import InvalidLogs
from scoring.time_to_target import FloatArray

CLOCK = "accumulated_submission_time"
"""The column of the scored clock, seconds."""
TOTAL_CLOCK = "total_duration"
"""The column of the wall clock, evaluation and logging included, seconds."""
STEP = "global_step"
"""The column of the training step."""

MAX_BYTES = 32 * 2**20
"""Larger tables are refused; the largest of the competition has 60 kB."""
MAX_COLUMNS = 500
MAX_NAME = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluations:
    """The evaluations of one trial in the order of the log, one row each.

    columns: the names of the log: `global_step`, `accumulated_submission_time`, `validation/accuracy`, ...
    body: the rows as text, comma separated, without the header.
    source: where they come from, for messages.
    fault: why the table cannot be read; asking for numbers raises it.
    """

    columns: tuple[str, ...] = ()
    body: bytes = b""
    source: str = ""
    fault: str = ""

    def __len__(self) -> int:
        """How many evaluations there are; 0 for a table that cannot be read."""
        return 0 if self.fault else len(self._lines())

    @property
    def is_empty(self) -> bool:
        """True for a trial that was never measured: no file, an empty one, or a header alone."""
        return not self.fault and not self.body.strip()

    def arrays(self, *names: str) -> list[FloatArray]:
        """The columns of these names, each (evaluations,), NaN where a cell is empty.

        A column that the log does not have is NaN throughout.

        Raises:
            InvalidLogs: rows of different length, or a cell that is not a number; says where.
        """
        if self.fault:
            raise InvalidLogs(f"{self.source}: {self.fault}")
        width, rows, cells = self._cells()
        place = {name: index for index, name in enumerate(self.columns)}
        return [
            self._numbers(name, cells[place[name] : rows * width : width]) if name in place else np.full(rows, np.nan)
            for name in names
        ]

    def as_dict(self) -> dict[str, FloatArray]:
        """All columns by name, as `arrays` gives them."""
        return dict(zip(self.columns, self.arrays(*self.columns), strict=True))

    def _cells(self) -> tuple[int, int, list[bytes]]:
        """Distance from a cell to the next one of its column, number of rows, and all cells row by row."""
        # Nearly every table is in perfect order. Then one split does it, with a cell of its own for each line's end.
        width = len(self.columns) + 1
        cells = self.body.replace(b"\n", b",\n,").split(b",")
        rows, rest = divmod(len(cells), width)
        ends = cells[width - 1 :: width]
        in_order = rest == 1 and cells[-1] == b"" and ends.count(b"\n") == rows == self.body.count(b"\n")
        if in_order and width > 2 and b"\r" not in self.body:  # with one column a blank line looks like a row
            return width, rows, cells
        return self._checked_cells()

    def _checked_cells(self) -> tuple[int, int, list[bytes]]:
        """The same without the line ends, for a table with an oddity: found, or named."""
        width, lines = len(self.columns), self._lines()
        for number, line in enumerate(lines, start=2):
            if line.count(b",") != width - 1:
                raise InvalidLogs(
                    f"{self.source}: line {number} has {line.count(b',') + 1} cells, its header has {width}; "
                    "mend or remove the line"
                )
        return width, len(lines), b",".join(lines).split(b",")

    def _lines(self) -> list[bytes]:
        lines = [line for line in self.body.splitlines() if line.strip()]
        # A run that was killed while it wrote leaves half a row; a half is not an evaluation.
        if lines and not self.body.endswith((b"\n", b"\r")) and lines[-1].count(b",") < len(self.columns) - 1:
            lines.pop()
        return lines

    def _numbers(self, name: str, cells: list[bytes]) -> FloatArray:
        try:
            return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
        except ValueError:
            return np.array([self._number(name, row, cell) for row, cell in enumerate(cells, start=2)])

    def _number(self, name: str, row: int, cell: bytes) -> float:
        try:
            return float(cell) if cell.strip() else math.nan
        except ValueError:
            raise InvalidLogs(
                f"{self.source}: line {row}, column {name}: {cell[:40]!r} is not a number; mend or remove the line"
            ) from None


def parse_evaluations(text: bytes, source: str) -> Evaluations:
    """The table of an `eval_measurements.csv`; what is wrong with it becomes its `fault`, nothing is raised."""
    try:
        return _parse(text, source)
    except InvalidLogs as error:
        return Evaluations(source=source, fault=str(error))


def _parse(text: bytes, source: str) -> Evaluations:
    if len(text) > MAX_BYTES:
        raise InvalidLogs(f"larger than {MAX_BYTES:,} bytes")
    if b'"' in text:
        text = _without_quotes(text)
    first, _, body = text.partition(b"\n")
    names = _header(first)
    if not names:
        return Evaluations(source=source)
    if b"_" in body:
        raise InvalidLogs("a cell holds an underscore, which no number has")  # float() would take 1_0 for 10
    return Evaluations(columns=names, body=body, source=source)


@lru_cache(maxsize=64)  # the tables of a workload share theirs
def _header(line: bytes) -> tuple[str, ...]:
    """The names of the columns; none for an empty file."""
    try:
        names = tuple(name.strip() for name in line.decode("utf-8-sig").split(","))
    except UnicodeDecodeError:
        raise InvalidLogs("the header is not UTF-8 text") from None
    if names == ("",):
        return ()
    check_columns(names)
    return names


def check_columns(names: tuple[str, ...]) -> None:
    """Raises InvalidLogs for the header of a table that cannot be one of evaluations."""
    if len(names) > MAX_COLUMNS:
        raise InvalidLogs(f"more than {MAX_COLUMNS} columns")
    if len(set(names)) != len(names) or "" in names:
        raise InvalidLogs("the header needs one name for each column, each once")
    if not all(name.isprintable() and len(name) <= MAX_NAME for name in names):
        raise InvalidLogs(f"a column's name is not plain text of at most {MAX_NAME} letters")
    if CLOCK not in names:
        raise InvalidLogs(f"there is no column {CLOCK}; without the clock nothing can be scored")


def _without_quotes(text: bytes) -> bytes:
    """The same table without quotes, which some writers put around every cell."""
    try:
        rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidLogs(f"this is not a table of comma-separated values: {error}") from None
    if any("," in cell or "\n" in cell for row in rows for cell in row):
        raise InvalidLogs("a quoted cell holds a comma or a line break, which no number has")
    return "".join(",".join(row) + "\n" for row in rows).encode()
