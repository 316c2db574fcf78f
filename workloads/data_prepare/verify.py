"""Looking again at prepared data: every file's size and hash, every split's number of examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workloads.data_prepare.manifest import Manifest
from workloads.data_prepare.parts import lines_of
from workloads.errors import DataMismatch


def verify(prepared: Path, counts: Mapping[str, int], workers: int = 1) -> int:
    """Compares a prepared dataset with its manifest; returns the number of files.

    Args:
        counts: the examples every split has to hold.
    Raises:
        DataMissing: there is no manifest: nothing was prepared here, or not to the end.
        DataMismatch: files or counts differ, or a split holds files of somebody else; the message lists them.
    """
    manifest = Manifest.read(prepared)
    damaged = manifest.damaged_files(prepared, workers)
    wrong = [f"{split}/{name}: {what}" for (split, name), what in damaged.items()]
    wrong += [f"{path}: not in the manifest, remove it" for path in manifest.strangers(prepared)]
    wrong += wrong_counts(manifest.examples, counts)
    if wrong:
        raise DataMismatch(
            f"{prepared} is not what was prepared:\n{lines_of(wrong)}\n"
            f"Run `python -m workloads data prepare {prepared.name}` again: it makes only what is missing or damaged."
        )
    return sum(len(done.files) for done in manifest.parts.values())


def wrong_counts(found: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    """A line for every split that does not hold the examples it has to."""
    return [
        f"{split} holds {found.get(split, 0):,} examples, expected {wanted:,}"
        for split, wanted in expected.items()
        if found.get(split, 0) != wanted
    ]
