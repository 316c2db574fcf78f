"""Volumes with the keys, attributes and shapes of fastMRI's single-coil knees, a few slices each."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from workloads import registry
from workloads.data_prepare import fastmri
from workloads.data_prepare.run import prepare
from workloads.datasets import fastmri as dataset
from workloads.errors import DataDamaged, DataMissing
from workloads.vectors import prepared_files
from workloads.vectors.quantity import Reporter

h5py = pytest.importorskip("h5py", reason="h5py is in the extra `data`")

SPEC = registry.get("fastmri")
TRAIN, HELD_OUT = "knee_singlecoil_train", "knee_singlecoil_val"
SLICES = {TRAIN: (2, 3, 2), HELD_OUT: (2, 1, 3)}
# The first two held-out volumes are for validation, the third for test.
PREPARER = dataclasses.replace(
    fastmri.PREPARER,
    counts={"train": 7, "eval_train": 3, "validation": 3, "test": 3},
    volumes={TRAIN: 3, HELD_OUT: 3},
    validation_volumes=2,
)


def write_volume(path, kspace, pictures, largest):
    with h5py.File(path, "w") as volume:
        volume["kspace"] = kspace
        volume["reconstruction_esc"] = pictures
        volume["reconstruction_rss"] = pictures
        volume["ismrmrd_header"] = b"<ismrmrdHeader/>"
        volume.attrs.update({"max": largest, "norm": 1.0, "patient_id": "x", "acquisition": "CORPD_FBK"})


@pytest.fixture
def source(tmp_path):
    """Every picture is as bright as its number, so that slices can be told apart."""
    random = np.random.default_rng(0)
    number = 0
    for folder, sizes in SLICES.items():
        (tmp_path / "raw" / folder).mkdir(parents=True)
        for volume, slices in enumerate(sizes):
            shape = (slices, 640, 322 + 2 * volume)
            kspace = (100 * random.normal(size=shape) + 100j * random.normal(size=shape)).astype(np.complex64)
            pictures = np.ones((slices, 320, 320), np.float32) * np.arange(number, number + slices)[:, None, None]
            write_volume(tmp_path / "raw" / folder / f"file100000{volume}.h5", kspace, pictures.astype("f4"), number)
            number += slices
    return tmp_path / "raw"


def silent(line):
    """Nobody listens."""


def pictures_of(folder):
    """Which pictures these are: their normalisation is undone."""
    found = []
    for batch in dataset.eval_batches(folder, SPEC, 2):
        brightness = batch["targets"][:, 0, 0] * batch["std"] + batch["mean"]
        found += np.rint(brightness[batch["weights"] == 1]).astype(int).tolist()
    return found


def test_masks_and_slices_are_those_of_the_reference(shared, record_property):
    folder = shared / "data" / "reference_vectors"
    golden = json.loads((folder / "pipelines" / "fastmri.json").read_text())

    quantities = list(prepared_files.FILES["fastmri"](folder, golden, Reporter(file="fastmri")))

    assert [quantity for quantity in quantities if not quantity.passed] == []
    record_property("golden: masks and slices of scans", len(quantities))


def test_a_volume_is_read_as_it_was_measured(tmp_path):
    measured, picture = prepared_files.made_slice(368)
    write_volume(tmp_path / "volume.h5", measured[np.newaxis], picture[np.newaxis], np.float32(3e-6))

    (record,) = fastmri._converted(tmp_path / "volume.h5")

    (expected,) = fastmri.records(measured[np.newaxis], picture[np.newaxis], 3e-6)
    assert record == expected


def test_every_slice_arrives_once_in_the_split_of_its_volume(source, tmp_path):
    prepared = prepare(PREPARER, source, tmp_path / "prepared", 1, silent)

    assert pictures_of(prepared / "train") == [0, 1, 2, 3, 4, 5, 6]
    assert pictures_of(prepared / "validation") == [7, 8, 9]
    assert pictures_of(prepared / "test") == [10, 11, 12]
    assert len(pictures_of(prepared / "eval_train")) == 3
    assert set(pictures_of(prepared / "eval_train")) <= set(range(7))


def test_the_transform_along_rows_commutes_with_leaving_out_columns(source, tmp_path):
    """The whole way round, in float64: leave out columns, transform both axes, cut."""
    path = source / TRAIN / "file1000000.h5"
    with h5py.File(path) as volume:
        kspace = volume["kspace"][0].astype(np.complex128)
    kept = kspace * dataset.column_mask(kspace.shape[1], (0, 0))
    whole = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kept), norm="ortho"))
    expected = np.abs(whole[160:480, 1:321])
    np.save(tmp_path / "volume.npy", fastmri._converted(path)[:1])

    (batch,) = dataset.eval_batches(tmp_path, SPEC, 1)

    normalised = np.clip((expected - expected.mean()) / expected.std(), -6, 6)
    np.testing.assert_allclose(batch["inputs"][0], normalised, atol=1e-5)


def test_prepared_slices_are_made_ahead_in_an_order_of_the_seed_alone(source, tmp_path):
    prepared = prepare(PREPARER, source, tmp_path / "prepared", 1, silent)

    def epoch(seed):
        batches = dataset.train_batches(prepared / "train", SPEC, 7, seed)
        return [next(batches)["mean"].tolist() for _ in range(2)]

    assert epoch(1) == epoch(1)
    assert epoch(1) != epoch(2)
    assert sorted(epoch(1)[0]) == sorted(epoch(1)[1])  # every slice once, with the mask it had


def test_missing_volumes_are_counted_and_broken_ones_named(source, tmp_path):
    (source / TRAIN / "file1000001.h5").unlink()
    (source / HELD_OUT / "file1000000.h5").write_bytes(b"<html>your link has expired</html>")
    with h5py.File(source / HELD_OUT / "file1000001.h5", "a") as volume:
        del volume["reconstruction_esc"]
    with h5py.File(source / HELD_OUT / "file1000002.h5", "a") as volume:
        del volume["kspace"]
        volume["kspace"] = np.zeros((3, 15, 640, 368), np.complex64)
    fastmri._shape.cache_clear()

    with pytest.raises(DataMissing) as caught:
        prepare(PREPARER, source, tmp_path / "prepared", 1, silent)

    message = str(caught.value)
    assert f"{TRAIN}: expected 3 volumes (*.h5), found 2" in message
    assert "file1000000.h5: it cannot be read" in message
    assert "it has no reconstruction_esc" in message
    assert "kspace has the shape (3, 15, 640, 368)" in message
    assert "Download that volume again" in message


def test_an_empty_source_says_how_it_has_to_lie(tmp_path):
    with pytest.raises(DataMissing, match=r"knee_singlecoil_train/\*.h5   973 volumes"):
        prepare(fastmri.PREPARER, tmp_path, tmp_path / "prepared", 1, silent)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-200_000]),
        lambda path: replace(path, "kspace", np.zeros((2, 640, 326), np.float32)),
        lambda path: replace(path, "kspace", None),
        lambda path: replace(path, "reconstruction_esc", np.zeros((1, 320, 320), np.float32)),
    ],
    ids=["cut off", "not complex", "a group instead of an array", "fewer pictures"],
)
def test_a_damaged_volume_is_a_problem_of_its_own(source, damage):
    damage(source / TRAIN / "file1000002.h5")
    fastmri._shape.cache_clear()

    (problem,) = PREPARER.check(source, silent)

    assert problem.path == f"{TRAIN}/file1000002.h5"
    assert "Download that volume again" in problem.advice


def replace(path, name, content):
    with h5py.File(path, "a") as volume:
        del volume[name]
        if content is None:
            volume.create_group(name)
        else:
            volume[name] = content


def test_a_volume_with_values_that_are_no_numbers_is_refused(source, tmp_path):
    with h5py.File(source / TRAIN / "file1000002.h5", "a") as volume:
        volume["kspace"][1, 300, 100] = np.nan

    with pytest.raises(DataDamaged, match=r"file1000002.h5: it holds values that are not finite"):
        prepare(PREPARER, source, tmp_path / "prepared", 1, silent)


def test_the_splits_are_those_of_the_workload():
    expected = {
        "train": SPEC.num_train_examples,
        "eval_train": SPEC.num_eval_train_examples,
        "validation": SPEC.num_validation_examples,
        "test": SPEC.num_test_examples,
    }
    assert dict(fastmri.PREPARER.counts) == expected
