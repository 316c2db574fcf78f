"""What is done already: a line per finished part, written when its files have their place."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.data_prepare.manifest import Done
from workloads.errors import DataMismatch

FILE = "journal.jsonl"


class Journal:
    """The finished parts of one preparation, in a file that survives a kill at any moment."""

    def __init__(self, prepared: Path, plan: str) -> None:
        """Reads what an earlier run left.

        Args:
            plan: the identity of the work; it is the file's first line.
        Raises:
            DataMismatch: the folder holds a preparation of something else.
        """
        self.path = prepared / FILE
        self.done: dict[str, Done] = {}
        entries = self._entries()
        if not entries:
            self.path.unlink(missing_ok=True)
            self._append({"plan": plan})
        elif entries[0].get("plan") != plan:
            raise DataMismatch(
                f"{prepared} holds a half-done preparation of another source or format: "
                "go on with that source, or remove the folder to start afresh"
            )
        for entry in entries[1:]:
            self.done[entry["part"]] = Done.from_json(entry)

    def add(self, name: str, done: Done) -> None:
        """Records a part whose files have their place."""
        self.done[name] = done
        self._append({"part": name, **done.as_json()})

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def _entries(self) -> list[dict[str, Any]]:
        """Every whole line; one that a kill cut off means that its part is done again."""
        entries = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                entries.append(json.loads(line))
            except ValueError:
                continue
        return entries

    def _append(self, entry: Mapping[str, Any]) -> None:
        """A line of its own, even after one that was cut off; empty lines are passed over by the reader."""
        with self.path.open("a") as file:
            file.write(f"\n{json.dumps(entry)}\n")
            file.flush()
            os.fsync(file.fileno())
