from __future__ import annotations

import gzip
import subprocess

import numpy as np
import pytest

from workloads.batching import array_files, read_array
from workloads.data_build import debian, head_scan


def volume():
    """Every slice as bright as its height."""
    heights = np.arange(181, dtype=np.uint8)
    return np.broadcast_to(heights[:, None, None], (181, 217, 181))


@pytest.fixture
def package(tmp_path):
    """A Debian package with a scan in it."""
    folder = tmp_path / "tree" / "usr" / "share" / "mricron" / "templates"
    folder.mkdir(parents=True)
    (folder / "ch2.nii.gz").write_bytes(gzip.compress(bytes(352) + volume().tobytes()))
    (tmp_path / "tree" / "DEBIAN").mkdir()
    control = "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
    (tmp_path / "tree" / "DEBIAN" / "control").write_text(control)
    path = tmp_path / "x.deb"
    subprocess.run(["dpkg-deb", "--build", str(tmp_path / "tree"), str(path)], check=True, capture_output=True)
    return path


def test_slices_come_out_of_a_debian_package(package):
    tree = head_scan.build(package)

    heights = {split: records["head"]["target"][:, 48, 48].tolist() for split, records in tree.items()}
    assert heights["validation"] == list(head_scan.SLABS["validation"])
    assert heights["test"] == list(head_scan.SLABS["test"])
    assert heights["train"] == list(head_scan.SLABS["train"])
    assert set(heights["eval_train"]) <= set(heights["train"])
    assert tree["train"]["head"]["volume_max"].tolist() == [180] * len(heights["train"])


def test_slabs_are_held_apart_by_slices_that_nobody_has():
    slabs = [set(slab) for slab in head_scan.SLABS.values()]
    for number, slab in enumerate(slabs):
        others = set.union(*slabs[:number], *slabs[number + 1 :])
        assert min(abs(height - other) for height in slab for other in others) > 4


def test_points_are_means_of_four_and_the_head_stays_in_the_middle():
    scan = np.zeros((181, 217, 181), np.uint8)
    scan[6, 108, 90] = 200
    scan[6, 109, 91] = 1

    (record,) = head_scan.slices(scan, [6])

    assert np.argwhere(record["target"]).tolist() == [[54 - 6, 45 + 3]]  # twelve rows less, six columns more
    assert record["target"].max() == 50


def test_a_file_of_a_package_is_read_without_installing_it(package):
    assert gzip.decompress(debian.read_file(package, "usr/share/mricron/templates/ch2.nii.gz"))[352:353] == b"\0"


def test_the_mini_edition_has_one_head_of_this_size(mini_data):
    for split in ("train", "eval_train", "validation", "test"):
        (path,) = array_files(mini_data / "fastmri" / split)
        assert read_array(path)["target"].shape[1:] == (head_scan.SIZE, head_scan.SIZE)
