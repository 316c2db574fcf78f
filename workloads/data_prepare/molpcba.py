"""ogbg-molpcba as the Open Graph Benchmark hands it out: a folder of compressed tables, made into arrays of graphs.

The atoms of all molecules are in one table, their bonds in two others; counts say how many belong to each molecule.
A bond stands there once and becomes two edges. Labels are 0, 1, or nothing where it is not known. The official split by
scaffold lists numbers of molecules.

Source: AlgoPerf workloads, ogbg, "Data and batching"; Hu et al. 2020 (arXiv 2005.00687).
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workloads.data_prepare.parts import Part, Problem, Say
from workloads.errors import DataDamaged

_SPLITS = {"train": "train", "validation": "valid", "test": "test"}  # ours, and how the files are called
_TABLES = ("num-node-list", "num-edge-list", "node-feat", "edge-feat", "edge", "graph-label")
_FILES = (*(f"raw/{name}.csv.gz" for name in _TABLES), *(f"split/scaffold/{name}.csv.gz" for name in _SPLITS.values()))
_AGAIN = "Unpack the benchmark's pcba.zip again"
_CHUNK_BYTES = 8_000_000
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class Molpcba:
    """How the benchmark's folder becomes a dataset."""

    dataset: str = "molpcba"
    version: int = 1
    licence: str = "MIT (Open Graph Benchmark; molecules of MoleculeNet and PubChem)"
    layout: str = (
        "  raw/{num-node-list,num-edge-list,node-feat,edge-feat,edge,graph-label}.csv.gz\n"
        "  split/scaffold/{train,valid,test}.csv.gz      all as in the benchmark's pcba.zip"
    )
    counts: Mapping[str, int] = field(
        default_factory=lambda: {"train": 350_343, "eval_train": 43_793, "validation": 43_793, "test": 43_793}
    )
    tasks: int = 128

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Missing files, and files that are not compressed."""
        problems = []
        for name in _FILES:
            path = source / name
            if not path.is_file():
                problems.append(Problem(path=name, expected="a compressed table", advice=f"{_AGAIN}."))
            elif _starts(path) != _GZIP:
                found = "something else than gzip"
                problems.append(Problem(path=name, expected="a compressed table", found=found, advice=f"{_AGAIN}."))
        return problems

    def parts(self, source: Path) -> list[Part]:
        """One a split; evaluation of training takes its graphs from the finished training split."""
        parts = [Part(name=split, split=split, examples=self.counts[split]) for split in _SPLITS]
        return [*parts, Part(name="eval_train", split="eval_train", stage=1, examples=self.counts["eval_train"])]

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        if part.split == "eval_train":
            graphs = {path.stem: np.load(path) for path in (prepared / "train").glob("*.npy")}
            total, wanted = len(graphs["n_node"]), self.counts["eval_train"]
            chosen = np.arange(wanted) * total // wanted
        else:
            graphs = _graphs(source, self.tasks)
            name = f"split/scaffold/{_SPLITS[part.split]}.csv.gz"
            chosen = _table(source / name, 1, np.int64)[:, 0]
            if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(graphs["n_node"]):
                raise DataDamaged(f"{source / name} names molecules that raw/ does not hold. {_AGAIN}.")
        for stem, array in _chosen(graphs, chosen).items():
            np.save(folder / f"{stem}.npy", array, allow_pickle=False)
        return len(chosen)


def _graphs(source: Path, tasks: int) -> dict[str, np.ndarray]:
    """All molecules, file stem -> array, as `workloads.datasets.molpcba` reads them.

    Edges of a molecule are all its bonds as they are written, then all of them turned round.
    """
    raw = source / "raw"
    n_node, bonds = (_table(raw / f"num-{kind}-list.csv.gz", 1, np.uint16)[:, 0] for kind in ("node", "edge"))
    labels = _table(raw / "graph-label.csv.gz", tasks, np.int8)
    nodes = _table(raw / "node-feat.csv.gz", 9, np.uint8)
    features = _table(raw / "edge-feat.csv.gz", 3, np.uint8)
    ends = _table(raw / "edge.csv.gz", 2, np.uint16)
    _check_sizes(raw, n_node, bonds, labels, nodes, features, ends)
    first = np.cumsum(bonds, dtype=np.int64) - bonds
    # Where each edge's bond is, and which way round it is taken.
    n_edge = 2 * bonds
    rows = np.repeat(first, n_edge) + _places(n_edge) % np.maximum(1, np.repeat(bonds, n_edge))
    turned = _places(n_edge) >= np.repeat(bonds, n_edge)
    return {
        "n_node": n_node,
        "n_edge": n_edge,
        "nodes": nodes,
        "edges": features[rows],
        "senders": np.where(turned, ends[rows, 1], ends[rows, 0]),
        "receivers": np.where(turned, ends[rows, 0], ends[rows, 1]),
        "labels": labels,
    }


def _check_sizes(
    raw: Path,
    n_node: np.ndarray,
    bonds: np.ndarray,
    labels: np.ndarray,
    nodes: np.ndarray,
    features: np.ndarray,
    ends: np.ndarray,
) -> None:
    """Raises DataDamaged where the tables do not belong together."""
    sizes = {
        "num-edge-list": (len(bonds), len(n_node)),
        "graph-label": (len(labels), len(n_node)),
        "node-feat": (len(nodes), int(n_node.sum(dtype=np.int64))),
        "edge-feat": (len(features), int(bonds.sum(dtype=np.int64))),
        "edge": (len(ends), int(bonds.sum(dtype=np.int64))),
    }
    for name, (found, expected) in sizes.items():
        if found != expected:
            raise DataDamaged(f"{raw / name}.csv.gz has {found:,} lines, expected {expected:,}. {_AGAIN}.")
    if (ends >= np.repeat(n_node, bonds)[:, np.newaxis]).any():
        raise DataDamaged(f"{raw / 'edge.csv.gz'} names atoms that their molecules do not have. {_AGAIN}.")
    if labels.min(initial=0) < -1 or labels.max(initial=0) > 1:
        raise DataDamaged(f"{raw / 'graph-label.csv.gz'} has labels that are not 0, 1 or empty. {_AGAIN}.")


def _chosen(graphs: Mapping[str, np.ndarray], chosen: np.ndarray) -> dict[str, np.ndarray]:
    """The graphs of these numbers, in this order."""
    rows = {
        kind: np.repeat((np.cumsum(counts, dtype=np.int64) - counts)[chosen], counts[chosen]) + _places(counts[chosen])
        for kind, counts in (("n_node", graphs["n_node"]), ("n_edge", graphs["n_edge"]))
    }
    of_graphs = {stem: graphs[stem][chosen] for stem in ("n_node", "n_edge", "labels")}
    of_edges = {stem: graphs[stem][rows["n_edge"]] for stem in ("edges", "senders", "receivers")}
    return {**of_graphs, "nodes": graphs["nodes"][rows["n_node"]], **of_edges}


def _places(counts: np.ndarray) -> np.ndarray:
    """0 to count - 1 for each of the counts, joined."""
    ends = np.cumsum(counts, dtype=np.int64)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _table(path: Path, columns: int, dtype: type[np.integer]) -> np.ndarray:
    """A compressed table of whole numbers, (lines, columns); fields that are empty become -1.

    Raises:
        DataDamaged: it cannot be unpacked, or a line is something else.
    """
    parts, lines = [np.empty((0, columns), dtype)], 0
    try:
        for text in _chunks(path):
            values = np.nan_to_num(np.loadtxt(io.BytesIO(text), np.float32, delimiter=",", ndmin=2), nan=-1)
            limits = np.iinfo(dtype)
            if values.shape[1] != columns:
                raise ValueError(f"{values.shape[1]} columns, expected {columns}")
            if (values != np.rint(values)).any() or values.min() < limits.min or values.max() > limits.max:
                raise ValueError(f"a number that is not whole, or not from {limits.min} to {limits.max}")
            parts.append(values.astype(dtype))
            lines += len(values)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise DataDamaged(f"{path}, after line {lines:,}: {error}. {_AGAIN}.") from error
    return np.concatenate(parts)


def _chunks(path: Path) -> Iterator[bytes]:
    """The text in runs of whole lines, with "nan" for what is empty."""
    with gzip.open(path) as file:
        rest = b""
        while content := file.read(_CHUNK_BYTES):
            lines, newline, rest = (rest + content).rpartition(b"\n")
            if lines:
                yield _filled(lines + newline)
        if rest.strip():
            yield _filled(rest + b"\n")


def _filled(lines: bytes) -> bytes:
    text = b"\n" + lines.replace(b"\r", b"")
    while b",," in text:
        text = text.replace(b",,", b",nan,")
    return text.replace(b"\n,", b"\nnan,").replace(b",\n", b",nan\n")[1:]


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_GZIP))


PREPARER = Molpcba()
