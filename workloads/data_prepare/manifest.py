"""The record of prepared data: every file's size and hash, by the part that made it."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.data_prepare.parts import FOLDERS, Preparer
from workloads.errors import DataMismatch, DataMissing

FILE = "manifest.json"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Done:
    """One finished part."""

    split: str
    examples: int
    files: Mapping[str, Mapping[str, Any]]  # name below the split -> {"sha256": ..., "nbytes": ...}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Done:
        return cls(split=document["split"], examples=document["examples"], files=dict(document["files"]))

    def as_json(self) -> dict[str, Any]:
        return {"split": self.split, "examples": self.examples, "files": self.files}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a finished preparation holds."""

    plan: str
    examples: Mapping[str, int]
    parts: Mapping[str, Done]

    @classmethod
    def read(cls, prepared: Path) -> Manifest:
        """Raises DataMissing or DataMismatch when there is none, or none of ours."""
        path = prepared / FILE
        if not path.is_file():
            raise DataMissing(f"{path} is missing: run `python -m workloads data prepare {prepared.name}` to its end")
        try:
            document = json.loads(path.read_text())
            parts = {name: Done.from_json(entry) for name, entry in document["parts"].items()}
            return cls(plan=document["plan"], examples=document["examples"], parts=parts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataMismatch(
                f"{path} is not a manifest of prepared data ({error!r}): remove {prepared} and prepare it again"
            ) from error

    def damaged_files(self, prepared: Path, workers: int = 1) -> dict[tuple[str, str], str]:
        """(split, name) -> what is wrong with it, in words."""
        files = [(done.split, name, facts) for done in self.parts.values() for name, facts in done.files.items()]
        # Hashing leaves the interpreter, so threads are enough.
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(lambda file: _wrong(prepared / file[0] / file[1], file[2]), files)
            return {(split, name): what for (split, name, _), what in zip(files, found, strict=True) if what}

    def strangers(self, prepared: Path) -> list[str]:
        """Files in a split that nobody prepared: training would read them."""
        known = {(done.split, name) for done in self.parts.values() for name in done.files}
        return [
            f"{split}/{path.name}"
            for split in FOLDERS
            if (prepared / split).is_dir()
            for path in sorted((prepared / split).iterdir())
            if (split, path.name) not in known
        ]


def write(prepared: Path, preparer: Preparer, plan: str, parts: Mapping[str, Done]) -> None:
    """Puts the manifest in its place: from then on the preparation is finished."""
    document = {
        "dataset": preparer.dataset,
        "version": preparer.version,
        "licence": preparer.licence,
        "plan": plan,
        "examples": count(parts),
        "parts": {name: done.as_json() for name, done in parts.items()},
    }
    written = prepared / f".{FILE}"
    with written.open("w") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    written.replace(prepared / FILE)


def count(parts: Mapping[str, Done]) -> dict[str, int]:
    """Examples per split."""
    counts = Counter[str]()
    for done in parts.values():
        counts[done.split] += done.examples
    return dict(counts)


def describe(path: Path) -> dict[str, Any]:
    """Size and hash of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return {"sha256": digest.hexdigest(), "nbytes": path.stat().st_size}


def _wrong(path: Path, expected: Mapping[str, Any]) -> str:
    if not path.is_file():
        return "missing"
    nbytes = path.stat().st_size
    if nbytes != expected["nbytes"]:
        return f"{nbytes:,} bytes, expected {expected['nbytes']:,}"
    found = describe(path)["sha256"]
    return "" if found == expected["sha256"] else f"its sha256 is {found}, expected {expected['sha256']}"
