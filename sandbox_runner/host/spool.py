"""Reports on disk until the site has them: a report is lost only with the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox_runner.protocol import ReportKind


class Spool:
    """Numbered reports of one attempt, in order. A number is used once, so a repeated delivery does no harm."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.stem) for path in directory.glob("*.json")]
        numbers += [int(path.stem) for suffix in ("sent", "refused") for path in directory.glob(f"*.{suffix}")]
        self._next = max(numbers, default=0) + 1

    def add(self, kind: ReportKind, payload: Mapping[str, Any]) -> None:
        """On disk when the call returns."""
        document = {"sequence": self._next, "kind": str(kind), "payload": payload}
        final = self._directory / f"{self._next:06d}.json"
        partial = final.with_suffix(".partial")
        with partial.open("w") as file:
            json.dump(document, file, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(final)
        self._next += 1

    def waiting(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Undelivered reports, oldest first."""
        for path in sorted(self._directory.glob("*.json")):
            yield path, json.loads(path.read_text())

    def delivered(self, path: Path) -> None:
        path.rename(path.with_suffix(".sent"))

    def refused(self, path: Path) -> None:
        """Kept for a person to read; the reports behind it go on."""
        path.rename(path.with_suffix(".refused"))

    @property
    def is_empty(self) -> bool:
        return not list(self._directory.glob("*.json"))
