from __future__ import annotations

import gzip
import hashlib
import subprocess
import zipfile

import numpy as np
import pytest

from workloads.__main__ import main
from workloads.data_build import build, fashion, molecules
from workloads.data_build.fetch import Package, fetch
from workloads.editions.mini import manifest
from workloads.errors import DataMismatch, DataMissing, FetchFailed

SMILES = ["CCO", "c1ccccc1O", "CC(=O)N", "C#N", "OC(=O)c1ccccc1", "CN(C)C", "CCOC", "Clc1ccccc1", "CC=O", "C1CCNCC1"]


@pytest.fixture
def small_manifest(tmp_path):
    """A built dataset of one file, and its manifest."""
    folder = tmp_path / "data" / "imagenet" / "train"
    folder.mkdir(parents=True)
    np.save(folder / "targets.npy", np.arange(3))
    empty = {"datasets": {"imagenet": {"files": {}}}}
    return tmp_path / "data", build.record(tmp_path / "data", empty)


def test_recorded_data_is_verified_by_content(small_manifest):
    directory, document = small_manifest

    assert document["datasets"]["imagenet"]["files"]["train/targets.npy"]["shape"] == [3]
    build.verify(directory, document)


def test_a_changed_file_is_named_with_both_hashes(small_manifest):
    directory, document = small_manifest
    np.save(directory / "imagenet" / "train" / "targets.npy", np.arange(3)[::-1])

    with pytest.raises(
        DataMismatch, match=r"train/targets.npy is not the edition's file: its sha256 is \w{64}, expected"
    ):
        build.verify(directory, document)


def test_a_missing_file_says_how_to_build_it(small_manifest):
    directory, document = small_manifest
    (directory / "imagenet" / "train" / "targets.npy").unlink()

    with pytest.raises(DataMissing, match="run `python -m workloads data build --edition mini`"):
        build.verify(directory, document)


def test_the_built_mini_data_is_what_the_manifest_says(mini_data):
    build.verify(mini_data, manifest())


def test_building_again_changes_nothing(mini_data, capsys):
    assert main(["data", "build", "--edition", "mini", "--to", str(mini_data)]) == 0

    assert "is complete" in capsys.readouterr().err


def test_every_dataset_states_its_licence_and_carries_its_notice():
    for record in manifest()["datasets"].values():
        assert record["licence"] == "MIT"
        assert "Permission is hereby granted" in record["notice"]
        assert set(record["package"]) == {"registry", "name", "version", "file", "sha256"}


def test_training_and_held_apart_splits_share_no_example(mini_data):
    for dataset, stem, per_graph in (("imagenet", "inputs", None), ("molpcba", "nodes", "n_node")):
        examples = {}
        for split in ("train", "eval_train", "validation", "test"):
            folder = mini_data / dataset / split
            rows = np.load(folder / f"{stem}.npy")
            if per_graph:
                counts = np.load(folder / f"{per_graph}.npy").astype(int)
                graph_edges = np.split(
                    np.load(folder / "senders.npy"), np.cumsum(np.load(folder / "n_edge.npy"), dtype=int)
                )
                rows = [
                    nodes.tobytes() + edges.tobytes()
                    for nodes, edges in zip(np.split(rows, np.cumsum(counts))[:-1], graph_edges, strict=False)
                ]
                examples[split] = set(rows)
            else:
                examples[split] = {image.tobytes() for image in rows}
        assert examples["eval_train"] <= examples["train"]
        shared = len(examples["validation"] & examples["train"]) + len(examples["test"] & examples["train"])
        # Features without charges of rare isotopes let two molecules look alike; whole copies would be hundreds.
        assert shared < 20


def test_a_package_with_other_bytes_is_refused(tmp_path):
    (tmp_path / "thing.whl").write_bytes(b"something else")
    package = Package(registry="pypi", name="thing", version="1.0", file="thing.whl", sha256="0" * 64)

    with pytest.raises(FetchFailed, match=r"thing.whl is not the pinned thing==1.0: its sha256 is \w{64}"):
        fetch(package, tmp_path)


@pytest.mark.parametrize(
    ("registry", "requirement", "advice"),
    [("debian", "no-such-thing=1.0", "sudo apt-get update"), ("pypi", "no-such-thing==1.0", "python -m pip download")],
)
def test_a_failed_fetch_names_the_package_and_says_what_to_do(registry, requirement, advice, tmp_path, monkeypatch):
    refusing = tmp_path / "bin"
    refusing.mkdir()
    for program in ("apt-get", "python"):
        (refusing / program).write_text("#!/bin/sh\necho the mirror is on fire\nexit 100\n")
        (refusing / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{refusing}:/usr/bin:/bin")
    monkeypatch.setattr("sys.executable", str(refusing / "python"))
    package = Package(registry=registry, name="no-such-thing", version="1.0", file="no-such-thing.bin", sha256="0" * 64)

    with pytest.raises(FetchFailed) as caught:
        fetch(package, tmp_path)

    message = str(caught.value)
    assert requirement in message
    assert advice in message
    assert "--packages" in message
    assert "the mirror is on fire" in message


def test_a_package_that_lies_there_already_is_not_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    (tmp_path / "thing.deb").write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    package = Package(registry="debian", name="thing", version="1", file="thing.deb", sha256=digest)

    assert fetch(package, tmp_path) == tmp_path / "thing.deb"


def test_the_command_reports_a_failed_fetch_and_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nonexistent")
    packages = tmp_path / "packages"

    status = main(["data", "build", "--to", str(tmp_path / "data"), "--packages", str(packages)])

    assert status == 1
    assert "could not fetch dataset-fashion-mnist=" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["packages"]


def test_the_command_verifies(tmp_path, mini_data, capsys):
    assert main(["data", "verify", "--to", str(mini_data)]) == 0
    assert main(["data", "verify", "--to", str(tmp_path)]) == 1
    assert "is missing" in capsys.readouterr().err


def test_images_come_out_of_a_debian_package(tmp_path):
    """A package made here, with six images in the IDX format."""
    content = tmp_path / "tree"
    folder = content / "usr" / "share" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for part, first in (("train", 0), ("t10k", 100)):
        images = bytes(16) + b"".join(bytes([first + i]) * 784 for i in range(6))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes(range(6))))
    (content / "DEBIAN").mkdir()
    (content / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
    )
    package = tmp_path / "x.deb"
    subprocess.run(["dpkg-deb", "--build", str(content), str(package)], check=True, capture_output=True)

    splits = fashion.build(package, {"train": 3, "eval_train": 2, "validation": 2, "test": 1})

    brightness = {name: arrays["inputs"][:, 0, 0, 0].tolist() for name, arrays in splits.items()}
    assert brightness == {"train": [0, 1, 2], "eval_train": [0, 1], "validation": [5, 4], "test": [100]}
    assert splits["validation"]["targets"].tolist() == [5, 4]
    assert splits["train"]["inputs"].shape == (3, 28, 28, 1)


def test_molecules_come_out_of_a_wheel(tmp_path):
    pytest.importorskip("rdkit", reason="RDKit is in the extra `data`")
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("train", "test", "test_scaffolds"):
            archive.writestr(
                f"moses/dataset/data/{name}.csv.gz", gzip.compress("\n".join(["SMILES", *SMILES]).encode())
            )

    splits, tasks = molecules.build(wheel, {"train": 10, "eval_train": 5, "validation": 5, "test": 2})

    train = splits["train"]
    assert [len(splits[name]["n_node"]) for name in ("train", "eval_train", "validation", "test")] == [10, 5, 5, 2]
    assert train["labels"].shape == (10, len(tasks))
    positives = {task: [SMILES[i] for i in np.flatnonzero(train["labels"][:, n])] for n, task in enumerate(tasks)}
    assert positives["fr_halogen"] == ["Clc1ccccc1"]
    assert positives["fr_benzene"] == ["c1ccccc1O", "OC(=O)c1ccccc1", "Clc1ccccc1"]
    assert positives["fr_nitrile"] == ["C#N"]


def test_atoms_and_bonds_have_the_features_of_the_open_graph_benchmark():
    pytest.importorskip("rdkit", reason="RDKit is in the extra `data`")
    nodes, edges, bonds, _ = molecules._graph("CC(=O)[O-]")

    # atomic number - 1, chirality, degree, charge + 5, hydrogens, radicals, hybridisation, aromatic, in a ring
    assert nodes.tolist() == [
        [5, 0, 4, 5, 3, 0, 2, 0, 0],
        [5, 0, 3, 5, 0, 0, 1, 0, 0],
        [7, 0, 1, 5, 0, 0, 1, 0, 0],
        [7, 0, 1, 4, 0, 0, 1, 0, 0],
    ]
    assert bonds.tolist() == [[0, 1], [1, 2], [1, 3]]
    assert edges.tolist() == [[0, 0, 0], [1, 0, 1], [0, 0, 1]]
    assert molecules._graph("c1ccccc1")[1].tolist() == [[3, 0, 1]] * 6


def test_both_directions_of_a_bond_are_edges():
    pytest.importorskip("rdkit", reason="RDKit is in the extra `data`")

    arrays = molecules._arrays([molecules._graph("CO"), molecules._graph("CCO")], np.array([0]))

    assert arrays["n_node"].tolist() == [2, 3]
    assert arrays["n_edge"].tolist() == [2, 4]
    assert arrays["senders"].tolist() == [0, 1, 0, 1, 1, 2]
    assert arrays["receivers"].tolist() == [1, 0, 1, 2, 0, 1]
    assert len(arrays["edges"]) == 6
