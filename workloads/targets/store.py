"""What finished runs measured, kept run by run, so that an interrupted procedure goes on where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.errors import TargetsError

Curve = tuple[tuple[int, float | None, float | None], ...]  # (step, validation, test)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One finished run; the curve is empty where the run crashed."""

    curve: Curve
    ending: str
    wall_s: float


class Store:
    """One file per workload in `folder`, one JSON object per line and run. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, workload: str) -> dict[str, Measured]:
        """All runs of a workload by their key.

        Raises:
            TargetsError: a line is not one of ours.
        """
        path = self._path(workload)
        lines = path.read_text().splitlines() if path.is_file() else []
        found = {}
        for number, line in enumerate(lines, start=1):
            try:
                key, run = _parse(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise TargetsError(f"{path}, line {number}, is not a run: delete the line to train it again") from None
            found[key] = run
        return found

    def add(self, workload: str, key: str, about: Mapping[str, Any], run: Measured) -> None:
        """Appends one run; `about` is for people who read the file."""
        document = {"key": key, **about, "ending": run.ending, "wall_s": round(run.wall_s, 1), "curve": run.curve}
        path = self._path(workload)
        partial = path.with_suffix(".partial")
        with self._lock:
            before = path.read_text() if path.is_file() else ""
            partial.write_text(f"{before}{json.dumps(document, allow_nan=False)}\n")
            partial.replace(path)

    def _path(self, workload: str) -> Path:
        return self._folder / f"{workload}.jsonl"


def _parse(document: Mapping[str, Any]) -> tuple[str, Measured]:
    curve = tuple((int(step), validation, test) for step, validation, test in document["curve"])
    return document["key"], Measured(curve=curve, ending=document["ending"], wall_s=float(document["wall_s"]))
