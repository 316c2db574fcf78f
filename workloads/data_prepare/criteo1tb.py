"""The Criteo 1 TB click logs: 24 days of tab-separated text, cut into pieces of 5,000,000 lines, as arrays of records.

Source: AlgoPerf workloads, criteo1tb, "Data".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from workloads.data_prepare.click_lines import RECORD, BadLine, parse
from workloads.data_prepare.heads import link_head
from workloads.data_prepare.parts import Part, Problem, Say
from workloads.errors import DataDamaged

_LAST_DAY = 23  # held out; every day before it is for training
_CHUNK_BYTES = 8_000_000
_PIECE = re.compile(r"day_(\d|1\d|2[0-3])_(\d\d)")


@dataclass(frozen=True, kw_only=True)
class Criteo:
    """How the click logs become a dataset."""

    dataset: str = "criteo1tb"
    version: int = 1
    licence: str = "Criteo's terms for its 1 TB click logs; not for redistribution"
    layout: str = (
        "  day_<d>_<nn>   text, tab-separated, d = 0 to 23: each unpacked day cut by `split -l 5000000 -d -a 2`,\n"
        "                 885 files in all, 36 of them of day 23"
    )
    counts: Mapping[str, int] = field(
        default_factory=lambda: {
            "train": 4_195_197_692,
            "eval_train": 83_361_792,
            "validation": 83_274_637,
            "test": 95_000_000,
        }
    )
    lines_per_piece: int = 5_000_000
    pieces: int = 885
    pieces_of_last_day: int = 36
    test_pieces: int = 19  # of the last day; validation has those after them

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Missing days and pieces, and empty ones."""
        found = _pieces(source)
        problems = []
        for day in range(_LAST_DAY + 1):
            numbers = [number for of_day, number in found if of_day == day]
            whole = self.pieces_of_last_day if day == _LAST_DAY else max(numbers, default=0) + 1
            missing = sorted(set(range(whole)) - set(numbers)) if numbers else [0]
            problems += [
                Problem(
                    path=f"day_{day}_{number:02}",
                    expected=f"up to {self.lines_per_piece:,} lines",
                    advice=f"Cut that day again: `gzip -dc day_{day}.gz | split -l 5000000 -d -a 2 - day_{day}_`.",
                )
                for number in missing
            ]
        for path in found.values():
            if path.stat().st_size == 0:
                advice = "Cut that day again from its archive."
                problems.append(Problem(path=path.name, expected="lines of text", found="an empty file", advice=advice))
        if not problems and len(found) != self.pieces:
            advice = "The last pieces of a day are missing, or are too many: cut each day again, with 5,000,000 lines."
            problems.append(
                Problem(path="day_*", expected=f"{self.pieces} pieces", found=str(len(found)), advice=advice)
            )
        say(f"criteo1tb: {len(found)} pieces of text")
        return problems

    def parts(self, source: Path) -> list[Part]:
        """One for each piece; then `eval_train`, from pieces all over the training days."""
        found = _pieces(source)
        last = dict(found.keys())  # day -> number; they are in order, so the last number of a day stays
        parts = [
            Part(
                name=path.name,
                split=self._split(day, number),
                job=(path.name,),
                examples=self.lines_per_piece if number < last[day] else None,
                nbytes=RECORD.itemsize * self.lines_per_piece,
            )
            for (day, number), path in found.items()
        ]
        whole = [part.name for part in parts if part.split == "train" and part.examples is not None]
        return parts + self._eval_train(whole)

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        """Converts a piece, or gives one of training to `eval_train`."""
        if part.split == "eval_train":
            return link_head(prepared / "train" / part.job[0], folder, part.examples or 0)
        return _convert(source / part.job[0], folder / f"{part.name}.npy")

    def _split(self, day: int, number: int) -> str:
        if day < _LAST_DAY:
            return "train"
        return "test" if number < self.test_pieces else "validation"

    def _eval_train(self, whole: list[str]) -> list[Part]:
        """Pieces at equal distances, the last one cut short."""
        rows, size = self.counts["eval_train"], self.lines_per_piece
        wanted = -(-rows // size)
        chosen = [whole[number * len(whole) // wanted] for number in range(wanted)] if whole else []
        sizes = [min(size, rows - number * size) for number in range(len(chosen))]
        return [
            Part(name=f"eval_train_{name}", split="eval_train", stage=1, job=(f"{name}.npy",), examples=size)
            for name, size in zip(chosen, sizes, strict=True)
        ]


def _pieces(source: Path) -> dict[tuple[int, int], Path]:
    """(day, number) -> file, in that order."""
    matches = ((_PIECE.fullmatch(path.name), path) for path in source.glob("day_*") if path.is_file())
    found = {(int(match[1]), int(match[2])): path for match, path in matches if match}
    return dict(sorted(found.items()))


def _convert(piece: Path, result: Path) -> int:
    """Writes the records of a piece as they are made; returns how many there are."""
    count = 0
    with piece.open("rb") as text, result.open("wb") as file:
        _write_header(file, count)
        for lines in _chunks(text):
            try:
                records = parse(lines)
            except BadLine as error:
                raise DataDamaged(
                    f"{piece}, line {count + error.line + 1}: {error.what}. Unpack and cut that day again."
                ) from None
            file.write(records.tobytes())
            count += len(records)
        file.seek(0)
        _write_header(file, count)
    return count


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file in runs of whole lines. What has no end gets one: the last line, and one that is far too long."""
    rest = b""
    while content := file.read(_CHUNK_BYTES):
        lines, newline, rest = (rest + content).rpartition(b"\n")
        if newline:
            yield lines + newline
        elif len(rest) >= _CHUNK_BYTES:
            yield rest + b"\n"
            rest = b""
    if rest:
        yield rest + b"\n"


def _write_header(file: BinaryIO, count: int) -> None:
    """NumPy leaves room in its header for a longer count, so it can be written again."""
    description = {"descr": np.lib.format.dtype_to_descr(RECORD), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, description)


PREPARER = Criteo()
