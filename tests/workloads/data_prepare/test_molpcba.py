"""The folder of the Open Graph Benchmark: compressed tables of atoms, bonds and labels, and the split by scaffold."""

from __future__ import annotations

import dataclasses
import gzip
import itertools

import numpy as np
import pytest

from workloads import registry
from workloads.data_prepare.molpcba import PREPARER
from workloads.data_prepare.run import prepare
from workloads.datasets import molpcba
from workloads.errors import DataDamaged, DataMissing

TASKS = 4
SMALL = dataclasses.replace(PREPARER, counts={"train": 5, "eval_train": 2, "validation": 2, "test": 1}, tasks=TASKS)
SPLITS = {"train": [6, 0, 3, 1, 7], "valid": [2, 5], "test": [4]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Molecule:
    """One of the benchmark: atoms (n, 9), bonds (b, 2) with features (b, 3), and labels with NaN where unknown."""

    atoms: np.ndarray
    bonds: np.ndarray
    features: np.ndarray
    labels: np.ndarray


def molecules(count=8):
    """Made-up ones; the first is a single atom without a bond."""
    random = np.random.default_rng(0)
    for number in range(count):
        atoms, bonds = (int(random.integers(2, 12)), int(random.integers(1, 14))) if number else (1, 0)
        yield Molecule(
            atoms=random.integers(0, 120, (atoms, 9)),
            bonds=random.integers(0, atoms, (bonds, 2)),
            features=random.integers(0, 5, (bonds, 3)),
            labels=random.choice([0.0, 1.0, np.nan], TASKS),
        )


ALL = list(molecules())


def table(rows):
    """As pandas writes it: nothing where a number is missing."""
    return "".join(",".join("" if np.isnan(value) else str(value) for value in row) + "\n" for row in rows)


@pytest.fixture
def source(tmp_path):
    tables = {
        "raw/num-node-list": [[len(molecule.atoms)] for molecule in ALL],
        "raw/num-edge-list": [[len(molecule.bonds)] for molecule in ALL],
        "raw/node-feat": itertools.chain.from_iterable(molecule.atoms for molecule in ALL),
        "raw/edge-feat": itertools.chain.from_iterable(molecule.features for molecule in ALL),
        "raw/edge": itertools.chain.from_iterable(molecule.bonds for molecule in ALL),
        "raw/graph-label": [molecule.labels for molecule in ALL],
        **{f"split/scaffold/{name}": [[number] for number in numbers] for name, numbers in SPLITS.items()},
    }
    folder = tmp_path / "source"
    for name, rows in tables.items():
        path = folder / f"{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(table(rows).encode()))
    return folder


def rewrite(path, change):
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()).decode()).encode()))


def prepared(source, tmp_path):
    return prepare(SMALL, source, tmp_path, 1, print)


def workload():
    spec = registry.get("ogbg")
    return dataclasses.replace(spec, model={**spec.model, "tasks": TASKS})


def test_graphs_of_a_split_are_the_molecules_that_it_lists_in_its_order(source, tmp_path):
    folder = prepared(source, tmp_path)

    for split, numbers in (("train", SPLITS["train"]), ("validation", SPLITS["valid"]), ("test", SPLITS["test"])):
        found = {name: np.load(folder / split / f"{name}.npy") for name in ("n_node", "n_edge", "nodes", "labels")}
        assert found["n_node"].tolist() == [len(ALL[number].atoms) for number in numbers]
        assert found["n_edge"].tolist() == [2 * len(ALL[number].bonds) for number in numbers]
        np.testing.assert_array_equal(found["nodes"], np.concatenate([ALL[number].atoms for number in numbers]))
        expected = np.nan_to_num([ALL[number].labels for number in numbers], nan=-1)
        np.testing.assert_array_equal(found["labels"], expected)


def test_every_bond_is_an_edge_each_way_with_the_same_features(source, tmp_path):
    folder = prepared(source, tmp_path)

    found = {name: np.load(folder / "validation" / f"{name}.npy") for name in ("senders", "receivers", "edges")}

    first, second = (ALL[number] for number in SPLITS["valid"])
    for name, side in (("senders", 0), ("receivers", 1)):
        expected = [molecule.bonds[:, place] for molecule in (first, second) for place in (side, 1 - side)]
        np.testing.assert_array_equal(found[name], np.concatenate(expected))
    features = [molecule.features for molecule in (first, first, second, second)]
    np.testing.assert_array_equal(found["edges"], np.concatenate(features))


def test_prepared_molecules_are_what_the_workload_trains_on(source, tmp_path):
    folder = prepared(source, tmp_path)

    batches = list(molpcba.eval_batches(folder / "train", workload(), 3))
    trained = next(molpcba.train_batches(folder / "train", workload(), 2, seed=0))

    known = sum(int((~np.isnan(ALL[number].labels)).sum()) for number in SPLITS["train"])
    assert sum(batch["weights"].sum() for batch in batches) == known
    assert trained["inputs"].nodes.shape == (2 * 26 + 1, 9)


def test_training_is_evaluated_on_some_of_its_own_molecules(source, tmp_path):
    folder = prepared(source, tmp_path)

    some, all_of_them = (
        [row.tobytes() for row in np.load(folder / split / "labels.npy")] for split in ("eval_train", "train")
    )

    assert len(some) == 2
    assert set(some) <= set(all_of_them)


def test_missing_and_uncompressed_tables_are_named_together(source, tmp_path):
    (source / "raw" / "edge.csv.gz").unlink()
    (source / "split" / "scaffold" / "valid.csv.gz").write_text("1\n2\n")

    with pytest.raises(DataMissing, match=r"(?s)raw/edge\.csv\.gz.*split/scaffold/valid\.csv\.gz.*pcba\.zip"):
        prepared(source, tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("raw/node-feat", lambda text: text.replace("\n", "\nx,1,1,1,1,1,1,1,1\n", 1), "node-feat.*could not convert"),
        ("raw/node-feat", lambda text: "1,2,3\n" * text.count("\n"), "node-feat.*3 columns, expected 9"),
        ("raw/node-feat", lambda text: text.partition("\n")[2], "node-feat.*lines, expected"),
        ("raw/num-node-list", lambda text: text + "-3\n", "num-node-list.*not from 0 to 65535"),
        ("raw/edge", lambda text: "40,0\n" + text.partition("\n")[2], "edge.*atoms that their molecules do not have"),
        ("raw/graph-label", lambda text: "7,0,0,0\n" + text.partition("\n")[2], "graph-label.*not 0, 1 or empty"),
        ("split/scaffold/train", lambda text: text.replace("6", "600"), "train.*molecules that raw/ does not hold"),
    ],
)
def test_damaged_tables_are_named_with_what_to_do(source, tmp_path, name, change, complaint):
    rewrite(source / f"{name}.csv.gz", change)

    with pytest.raises(DataDamaged, match=f"(?s){complaint}.*pcba.zip"):
        prepared(source, tmp_path)


def test_a_table_that_is_cut_off_is_named(source, tmp_path):
    path = source / "raw" / "node-feat.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(DataDamaged, match="node-feat"):
        prepared(source, tmp_path)
