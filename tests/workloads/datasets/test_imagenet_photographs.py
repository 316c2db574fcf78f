"""Batches of photographs that lie undecoded in shards."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from tests.workloads.pictures import encoded, picture, plain
from workloads import registry
from workloads.data_prepare.photograph_shards import write_shard
from workloads.datasets import imagenet
from workloads.errors import DataMismatch, DataMissing
from workloads.shards import rank_batches

COUNT = 22
FULL = registry.get("imagenet_resnet")
SPEC = dataclasses.replace(FULL, data={**FULL.data, "image_shape": (16, 16, 3)})
MIXED = dataclasses.replace(
    registry.get("imagenet_vit"), data={**registry.get("imagenet_vit").data, "image_shape": (16, 16, 3)}
)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Three shards of different sizes; photograph i has class i."""
    folder = tmp_path_factory.mktemp("data") / "validation"
    folder.mkdir()
    for number, (first, end) in enumerate(((0, 5), (5, 6), (6, COUNT))):
        files = ((f"{i}", encoded(picture(i, (30 + i, 40))), i) for i in range(first, end))
        write_shard(folder, f"shard-{number}", files)
    return folder


def first_batches(count, *arguments, **keywords):
    return list(itertools.islice(imagenet.train_batches(*arguments, **keywords), count))


def same(one, other):
    return all(np.array_equal(one[key], other[key]) for key in one)


def test_evaluation_covers_every_photograph_once_in_order_and_marks_what_pads(split):
    batches = list(imagenet.eval_batches(split, SPEC, 8))

    assert [batch["inputs"].shape for batch in batches] == [(8, 16, 16, 3)] * 3
    assert np.concatenate([batch["targets"][batch["weights"] > 0] for batch in batches]).tolist() == list(range(COUNT))
    assert batches[-1]["weights"].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert not batches[-1]["inputs"][6:].any()


def test_training_has_the_types_of_both_frameworks(split):
    plain_batch, mixed_batch = (first_batches(1, split, spec, 6, seed=0)[0] for spec in (SPEC, MIXED))

    assert {key: (value.shape, str(value.dtype)) for key, value in plain_batch.items()} == {
        "inputs": ((6, 16, 16, 3), "float32"),
        "targets": ((6,), "int32"),
    }
    assert {key: (value.shape, str(value.dtype)) for key, value in mixed_batch.items()} == {
        "inputs": ((6, 16, 16, 3), "float32"),
        "targets": ((6, 1000), "float32"),
    }
    np.testing.assert_allclose(mixed_batch["targets"].sum(axis=1), 1, rtol=1e-6)


def test_an_epoch_shows_every_photograph_once(split):
    order = np.concatenate([batch["targets"] for batch in first_batches(2 * COUNT // 4, split, SPEC, 4, seed=1)])

    assert (np.sort(order.reshape(2, COUNT), axis=1) == np.arange(COUNT)).all()


@pytest.mark.parametrize("spec", [SPEC, MIXED], ids=["plain", "mixed"])
def test_batches_follow_from_the_seed_whatever_the_number_of_threads(split, spec, monkeypatch):
    monkeypatch.setattr(imagenet, "cores", lambda: 1)
    alone = first_batches(4, split, spec, 5, seed=-3)
    monkeypatch.setattr(imagenet, "cores", lambda: 7)
    together = first_batches(4, split, spec, 5, seed=-3)

    assert all(map(same, alone, together))
    assert not same(alone[0], first_batches(1, split, spec, 5, seed=4)[0])


@pytest.mark.parametrize("spec", [SPEC, MIXED], ids=["plain", "mixed"])
def test_ranks_share_the_batches_of_one_process_and_decode_only_their_own(split, spec, monkeypatch):
    decoded = []
    decode = imagenet.Photographs.decode
    monkeypatch.setattr(
        imagenet.Photographs, "decode", lambda self, index: decoded.append(index) or decode(self, index)
    )
    whole = first_batches(6, split, spec, 3, seed=2)
    decoded.clear()

    parts = [rank_batches(imagenet.train_batches, split, spec, 9, 2, rank, 3) for rank in range(3)]
    found = [next(part) for _ in range(2) for part in parts]

    assert all(map(same, whole, found))
    assert len(decoded) <= 3 * (2 + 2) * 3  # two batches of each rank, and what lies ahead


def test_one_photograph_looks_different_in_every_epoch(split):
    batches = first_batches(3, split, SPEC, COUNT, seed=0)

    looks = [batch["inputs"][np.flatnonzero(batch["targets"] == 4)[0]] for batch in batches]

    assert not np.array_equal(looks[0], looks[1])
    assert not np.array_equal(looks[1], looks[2])


def test_the_test_split_is_cut_otherwise(split, tmp_path):
    (tmp_path / "test").symlink_to(split)

    found = next(imagenet.eval_batches(tmp_path / "test", SPEC, 4))["inputs"]

    assert not np.allclose(found, next(imagenet.eval_batches(split, SPEC, 4))["inputs"], atol=0.05)


def test_pixels_are_normalised_with_the_numbers_of_the_spec(tmp_path):
    write_shard(tmp_path, "one", [("grey", encoded(plain(100), "PNG"), 0)])

    (batch,) = imagenet.eval_batches(tmp_path, SPEC, 1)

    expected = (100 - np.array(SPEC.data["mean"])) / np.array(SPEC.data["stddev"])
    np.testing.assert_allclose(batch["inputs"][0, 3, 3], expected, rtol=1e-5)


def test_a_shard_without_its_labels_is_named(split, tmp_path):
    (tmp_path / "shard-0.jpegs").write_bytes(b"x")

    with pytest.raises(DataMissing, match=r"shard-0.offsets.npy is missing: prepare this dataset again"):
        next(imagenet.eval_batches(tmp_path, SPEC, 1))


def test_a_shard_that_was_cut_off_is_named(tmp_path):
    write_shard(tmp_path, "one", [("a", encoded(picture()), 0)])
    content = (tmp_path / "one.jpegs").read_bytes()
    (tmp_path / "one.jpegs").write_bytes(content[:-10])

    with pytest.raises(DataMismatch, match=r"one.jpegs and its .offsets.npy and .targets.npy do not fit"):
        next(imagenet.eval_batches(tmp_path, SPEC, 1))


def test_a_photograph_that_was_changed_on_the_disk_is_named(tmp_path):
    write_shard(tmp_path, "one", [(str(i), encoded(picture(i)), 0) for i in range(3)])
    places = np.load(tmp_path / "one.offsets.npy")
    content = bytearray((tmp_path / "one.jpegs").read_bytes())
    content[places[1] : places[2]] = bytes(places[2] - places[1])
    (tmp_path / "one.jpegs").write_bytes(content)

    with pytest.raises(DataMismatch, match=r"one.jpegs, file 1: .* Run `data verify`"):
        list(imagenet.eval_batches(tmp_path, SPEC, 2))
