from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest

from sandbox_runner.host import image_inputs
from workloads.__main__ import main
from workloads.batching import read_array
from workloads.data_build import build, fashion, fetch, molecules, sources
from workloads.data_build.fetch import Package
from workloads.editions import mini
from workloads.editions.mini import manifest
from workloads.errors import DataError, DataMismatch, DataMissing, FetchFailed

SMILES = ["CCO", "c1ccccc1O", "CC(=O)N", "C#N", "OC(=O)c1ccccc1", "CN(C)C", "CCOC", "Clc1ccccc1", "CC=O", "C1CCNCC1"]


def say_nothing(line: str) -> None:
    """For builds whose steps a test does not read."""


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """A manifest of two datasets, `even` and `odd`, with a builder that counts; their package lies in a folder."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "numbers.whl").write_bytes(b"0 1 2 3")
    package = {
        "registry": "pypi",
        "name": "numbers",
        "version": "1",
        "file": "numbers.whl",
        "sha256": hashlib.sha256(b"0 1 2 3").hexdigest(),
    }

    def numbers(path, odd):
        values = [int(word) for word in path.read_text().split()]
        return {"train": {"inputs": np.array(values[odd::2])}, "vocabulary": {"words.txt": b"none"}}

    for name in ("even", "odd"):
        module = types.ModuleType(name)
        module.build = lambda path, odd=name == "odd": numbers(path, odd)
        monkeypatch.setitem(sys.modules, f"workloads.data_build.{name}", module)
    monkeypatch.setattr(sources, "BUILDERS", {"even": "even", "odd": "odd"})
    entry = {"packages": [package], "licence": "none", "notice": "Numbers belong to everybody.", "files": {}}
    document = {"datasets": {"even": dict(entry), "odd": dict(entry)}}
    document, failures = build.record(tmp_path / "data", document, tmp_path / "packages", say_nothing)
    assert not failures
    return document


def test_recorded_data_is_verified_by_content(counting, tmp_path):
    files = counting["datasets"]["odd"]["files"]

    assert files["train/inputs.npy"]["shape"] == [2]
    assert files["vocabulary/words.txt"] == {"sha256": hashlib.sha256(b"none").hexdigest(), "nbytes": 4}
    assert (tmp_path / "data" / "odd" / "NOTICE").read_text() == "Numbers belong to everybody.\n"
    build.verify(tmp_path / "data", counting)


@pytest.mark.parametrize("content", [lzma.compress(b"something else"), b"no archive", b""])
def test_a_changed_file_is_named_with_both_hashes(content, counting, tmp_path):
    (tmp_path / "data" / "odd" / "train" / "inputs.npy.xz").write_bytes(content)

    with pytest.raises(
        DataMismatch, match=r"odd/train/inputs.npy.xz is not the edition's file: its sha256 is \w{64}, expected \w{64}"
    ):
        build.verify(tmp_path / "data", counting)


def test_a_missing_file_says_how_to_build_its_dataset(counting, tmp_path):
    (tmp_path / "data" / "even" / "train" / "inputs.npy.xz").unlink()

    with pytest.raises(DataMissing, match="run `python -m workloads data build --edition mini --dataset even`"):
        build.verify(tmp_path / "data", counting)


def test_a_dataset_without_recorded_files_is_never_complete(counting, tmp_path):
    counting["datasets"]["odd"]["files"] = {}

    with pytest.raises(DataMismatch, match="the manifest records no file of odd"):
        build.verify(tmp_path / "data", counting)


def test_only_the_damaged_dataset_is_built_again(counting, tmp_path):
    directory = tmp_path / "data"
    (directory / "odd" / "train" / "inputs.npy.xz").unlink()
    untouched = (directory / "even" / "train" / "inputs.npy.xz").stat()
    lines = []

    assert build.build(directory, counting, tmp_path / "packages", lines.append) == {}

    assert lines == ["building odd", "odd is complete"]
    assert read_array(directory / "odd" / "train" / "inputs.npy").tolist() == [1, 3]
    assert (directory / "even" / "train" / "inputs.npy.xz").stat() == untouched
    assert sorted(path.name for path in directory.iterdir()) == ["even", "odd"]
    assert build.build(directory, counting, tmp_path / "packages", lines.append) == {}
    assert len(lines) == 2


def test_a_package_that_does_not_come_leaves_the_other_datasets_usable(counting, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_run", lambda *_: "the mirror is on fire")
    counting["datasets"]["even"]["packages"] = [{**counting["datasets"]["even"]["packages"][0], "file": "gone.whl"}]
    directory = tmp_path / "new"

    failures = build.build(directory, counting, tmp_path / "packages", say_nothing)

    assert list(failures) == ["even"]
    assert "could not fetch numbers==1 from pypi" in str(failures["even"])
    assert "the mirror is on fire" in str(failures["even"])
    build.verify(directory, counting, ["odd"])
    assert not (directory / "even").exists()


def test_a_result_that_differs_from_the_manifest_never_gets_its_place(counting, tmp_path):
    counting["datasets"]["odd"]["files"]["train/inputs.npy"]["sha256"] = "0" * 64

    failures = build.build(tmp_path / "data", counting, tmp_path / "packages", say_nothing, ["odd"])

    assert isinstance(failures["odd"], DataMismatch)
    assert read_array(tmp_path / "data" / "odd" / "train" / "inputs.npy").tolist() == [1, 3]  # as before


def test_a_builder_without_its_python_package_says_so(counting, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "workloads.data_build.odd", None)

    with pytest.raises(DataError, match=r"building odd needs the Python package .* extra `data`"):
        sources.convert("odd", [])


def test_every_dataset_of_the_manifest_has_a_builder():
    assert set(manifest()["datasets"]) == set(sources.BUILDERS)


def test_the_command_records_the_datasets_it_was_asked_for_only(counting, tmp_path, monkeypatch):
    for dataset in ("even", "odd"):
        counting["datasets"][dataset]["files"] = {}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(counting))
    monkeypatch.setattr(mini, "MANIFEST_PATH", path)

    command = ["data", "build", "--write-manifest", "--dataset", "odd"]
    assert main([*command, "--to", str(tmp_path / "data"), "--packages", str(tmp_path / "packages")]) == 0

    assert list(manifest()["datasets"]["odd"]["files"]) == ["train/inputs.npy", "vocabulary/words.txt"]
    assert manifest()["datasets"]["even"]["files"] == {}


def test_the_built_mini_data_is_what_the_manifest_says(mini_data):
    build.verify(mini_data, manifest())


def test_building_again_changes_nothing(mini_data, capsys):
    assert main(["data", "build", "--edition", "mini", "--to", str(mini_data)]) == 0

    assert "is complete" in capsys.readouterr().err


def test_every_dataset_states_its_licence_and_carries_its_notice():
    for record in manifest()["datasets"].values():
        assert record["licence"]
        assert len(record["notice"]) > 100
        for package in record["packages"]:
            assert set(package) == {"registry", "name", "version", "file", "sha256"}


def test_all_datasets_together_stay_below_ten_megabytes():
    sizes = {
        name: sum(file["nbytes"] for file in record["files"].values())
        for name, record in manifest()["datasets"].items()
    }

    assert sum(sizes.values()) < 10_000_000, sizes


def test_training_and_held_apart_splits_share_no_example(mini_data):
    for dataset, stem, per_graph in (("imagenet", "inputs", None), ("molpcba", "nodes", "n_node")):
        examples = {}
        for split in ("train", "eval_train", "validation", "test"):
            folder = mini_data / dataset / split
            rows = read_array(folder / f"{stem}.npy")
            if per_graph:
                counts = read_array(folder / f"{per_graph}.npy").astype(int)
                graph_edges = np.split(
                    read_array(folder / "senders.npy"), np.cumsum(read_array(folder / "n_edge.npy"), dtype=int)
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
        fetch.checked(package, tmp_path)


@pytest.mark.parametrize(
    ("registry", "requirement", "advice"),
    [("debian", "no-such-thing=1.0", "mmdebstrap"), ("pypi", "no-such-thing==1.0", "python -m pip download")],
)
def test_a_failed_fetch_names_the_package_and_says_what_to_do(registry, requirement, advice, tmp_path, monkeypatch):
    refusing = tmp_path / "bin"
    refusing.mkdir()
    for program in ("mmdebstrap", "python"):
        (refusing / program).write_text("#!/bin/sh\necho the mirror is on fire\nexit 100\n")
        (refusing / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{refusing}:/usr/bin:/bin")
    monkeypatch.setattr("sys.executable", str(refusing / "python"))
    package = Package(registry=registry, name="no-such-thing", version="1.0", file="no-such-thing.bin", sha256="0" * 64)

    said = fetch.download([package], tmp_path)
    with pytest.raises(FetchFailed) as caught:
        fetch.checked(package, tmp_path, said[package])

    message = str(caught.value)
    assert requirement in message
    assert advice in message
    assert "--packages" in message
    assert "the mirror is on fire" in message


def test_debian_packages_come_through_the_bootstrap_of_the_base_image(tmp_path, monkeypatch):
    """Its own lists of the image's suite; a stand-in for it delivers one of two packages."""
    monkeypatch.setattr(
        fetch, "_run", lambda command, folder, wanted: (folder / "b_1.deb").write_bytes(b"b") and str([command, wanted])
    )
    first, second = (
        Package(
            registry="debian", name=name, version="1", file=f"{name}_1.deb", sha256=hashlib.sha256(b"b").hexdigest()
        )
        for name in "ab"
    )

    said = fetch.download([first, second], tmp_path)

    assert fetch.DEBIAN_SUITE == image_inputs.SUITE
    assert image_inputs.bootstrap_command()[0] in said[first]
    assert "a=1 b=1" in said[first]
    assert fetch.checked(second, tmp_path).read_bytes() == b"b"
    with pytest.raises(FetchFailed, match="could not fetch a=1"):
        fetch.checked(first, tmp_path, said[first])


def test_a_download_cut_off_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    def cut_off(command, folder, wanted):
        (folder / "a_1.deb").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_run", cut_off)
    package = Package(registry="debian", name="a", version="1", file="a_1.deb", sha256="0" * 64)

    with pytest.raises(KeyboardInterrupt):
        fetch.download([package], tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_package_that_lies_there_already_is_not_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    (tmp_path / "thing.deb").write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    package = Package(registry="debian", name="thing", version="1", file="thing.deb", sha256=digest)

    assert fetch.download([package], tmp_path) == {}
    assert fetch.checked(package, tmp_path) == tmp_path / "thing.deb"


def test_the_command_reports_a_failed_fetch_and_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nonexistent")
    packages = tmp_path / "packages"
    command = ["data", "build", "--to", str(tmp_path / "data"), "--packages", str(packages), "--dataset", "imagenet"]

    assert main(command) == 1

    output = capsys.readouterr().err
    assert "could not fetch dataset-fashion-mnist=" in output
    assert "not usable: imagenet" in output
    assert list((tmp_path / "data").iterdir()) == []


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

    splits, tasks = molecules.build_with_tasks(wheel, {"train": 10, "eval_train": 5, "validation": 5, "test": 2})

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
