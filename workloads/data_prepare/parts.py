"""What a dataset's module says to the frame: problems of its source, parts of the work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Say = Callable[[str], None]

_SHOWN_LINES = 20

FOLDERS = ("train", "eval_train", "validation", "test", "vocabulary")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something about the source that has to be put right first."""

    path: str  # below the source
    expected: str  # "a folder of 1,281,167 JPEG files", "5,000,000 lines"
    found: str = "nothing"
    advice: str  # "Download it again from ..."

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}. {self.advice}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of work that is done as a whole or not at all."""

    name: str  # unique in the dataset: "train-00012"
    split: str  # one of FOLDERS: where its files go
    stage: int = 0
    job: tuple[Any, ...] = ()  # what `write` needs to know, JSON values; paths relative to the source
    examples: int | None = None  # how many it has to hold, when that is known before
    nbytes: int = 0  # about how many bytes it will write, for the look at the free space


class Preparer(Protocol):
    """One dataset; see the package's description. Has to be picklable: workers get a copy."""

    @property
    def dataset(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def licence(self) -> str: ...

    @property
    def layout(self) -> str: ...

    @property
    def counts(self) -> Mapping[str, int]: ...

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Everything that is missing or damaged, as far as it can be seen without decoding; empty when all is well."""
        ...

    def parts(self, source: Path) -> list[Part]:
        """The whole work, the same list at every call."""
        ...

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        """Writes the part's files into `folder`; returns how many examples they hold."""
        ...


def link_or_copy(existing: Path, new: Path) -> None:
    """A second name for a file; a copy where the file system has no hard links."""
    try:
        os.link(existing, new)
    except OSError:
        shutil.copyfile(existing, new)


def lines_of(items: Sequence[object]) -> str:
    """An indented line for each of the first items, and how many more there are."""
    shown = [f"  {item}" for item in items[:_SHOWN_LINES]]
    if len(items) > _SHOWN_LINES:
        shown.append(f"  … and {len(items) - _SHOWN_LINES:,} more")
    return "\n".join(shown)
