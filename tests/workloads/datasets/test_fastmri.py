from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from workloads import registry, synthetic
from workloads.datasets import fastmri
from workloads.errors import DataMissing

SPEC = dataclasses.replace(registry.get("fastmri"), data={"image_shape": (32, 32)})
RECORD = [("target", np.uint8, (32, 32)), ("volume_max", np.uint8)]


@pytest.fixture
def split(tmp_path):
    """Ten pictures in two volumes; the brightest point of a volume says which slices are its own."""
    slices = np.zeros(10, RECORD)
    slices["target"] = np.random.default_rng(0).integers(0, 200, (10, 32, 32))
    slices["volume_max"] = np.arange(10)
    np.save(tmp_path / "a.npy", slices[:4])
    np.save(tmp_path / "b.npy", slices[4:])
    return tmp_path


def slices_of(batch):
    return batch["volume_max"].astype(int).tolist()


def test_batches_have_the_layout_of_the_made_up_ones(split):
    train = next(fastmri.train_batches(split, SPEC, 4, seed=0))
    evaluation = next(fastmri.eval_batches(split, SPEC, 4))

    for found, expected in [
        (train, next(synthetic.train_batches(SPEC, 4, seed=0))),
        (evaluation, next(synthetic.eval_batches(SPEC, 4, 10, seed=0))),
    ]:
        layout = {key: (value.shape, value.dtype) for key, value in expected.items()}
        assert {key: (value.shape, value.dtype) for key, value in found.items()} == layout


def test_a_quarter_of_the_measurement_is_left(split):
    kept = [fastmri.column_mask(368, (seed, 0)).mean() for seed in range(200)]

    assert np.mean(kept) == pytest.approx(0.25, abs=0.005)


def test_the_picture_is_normalised_with_the_numbers_that_undo_it(split):
    (batch,) = fastmri.eval_batches(split, SPEC, 10)

    np.testing.assert_allclose(batch["inputs"].mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(batch["inputs"].std(axis=(1, 2)), 1, atol=1e-3)
    pictures = batch["targets"] * batch["std"][:, None, None] + batch["mean"][:, None, None]
    stored = np.concatenate([np.load(split / name)["target"] for name in ("a.npy", "b.npy")])
    not_clipped = np.abs(batch["targets"]) < 6
    np.testing.assert_allclose(pictures[not_clipped], stored[not_clipped], atol=1e-3)


def test_a_whole_measurement_gives_the_picture_back(split, monkeypatch):
    monkeypatch.setattr(fastmri, "column_mask", lambda width, key: np.ones(width, bool))

    (batch,) = fastmri.eval_batches(split, SPEC, 10)

    np.testing.assert_allclose(batch["inputs"], batch["targets"], atol=1e-5)


def test_evaluation_sees_every_slice_once_in_order_and_pads_with_weight_0(split, shared):
    golden = json.loads((shared / "data" / "reference_vectors" / "pipelines" / "batch_padding.json").read_text())

    batches = list(fastmri.eval_batches(split, SPEC, 4))

    assert slices_of(batches[0]) + slices_of(batches[1]) + slices_of(batches[2]) == [*range(10), 0, 0]
    assert np.concatenate([batch["weights"] for batch in batches]).tolist() == [1] * 10 + [0] * 2
    assert batches[-1]["mean"][2:].tolist() == [golden["fastmri_like_mean"][-1]] * 2
    assert not batches[-1]["inputs"][2:].any()


def test_all_slices_share_one_mask_in_evaluation_and_have_their_own_in_training(split, monkeypatch):
    keys = []
    monkeypatch.setattr(fastmri, "column_mask", lambda width, key: keys.append(key) or np.ones(width, bool))

    list(fastmri.eval_batches(split, SPEC, 4))
    assert set(keys) == {(0, 0)}

    keys.clear()
    list(itertools.islice(fastmri.train_batches(split, SPEC, 5, seed=3), 4))
    assert len(keys) == 20
    assert len(set(keys)) == 10  # the same in the second epoch


def test_epochs_are_fresh_orders_of_all_slices(split):
    batches = itertools.islice(fastmri.train_batches(split, SPEC, 4, seed=1), 10)
    order = np.concatenate([slices_of(batch) for batch in batches])

    epochs = order.reshape(4, 10)

    assert (np.sort(epochs, axis=1) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_training_batches_depend_on_the_seed_alone(split):
    def first(seed):
        return next(fastmri.train_batches(split, SPEC, 10, seed))

    again = first(5)
    assert all(np.array_equal(value, again[key]) for key, value in first(5).items())
    other = first(6)
    assert slices_of(other) != slices_of(again)
    assert not np.array_equal(np.sort(other["mean"]), np.sort(again["mean"]))  # other masks, too
    assert first(-7)["targets"].shape == (10, 32, 32)  # seeds of the official runs may be negative


def test_ranks_take_turns_at_the_batches_of_one_order(split):
    def order(turn, count):
        batches = fastmri.train_batches(split, SPEC, 2, seed=2, turn=turn)
        return [(slices_of(batch), batch["mean"].tolist()) for batch in itertools.islice(batches, count)]

    both = order((0, 2), 8), order((1, 2), 8)

    assert [batch for pair in zip(*both, strict=True) for batch in pair] == order((0, 1), 16)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(DataMissing, match="holds no volume"):
        next(fastmri.eval_batches(tmp_path, SPEC, 4))
