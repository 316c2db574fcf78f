"""Masks over time and frequency: how long, how many, and where, in both frameworks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from workloads.layers import spec_augment_jax, spec_augment_torch

FRAMES, BANDS = 300, 80
LENGTHS = np.array([300, 200, 100, 15])


def augmented(framework, seed=0, **masks):
    """(4, FRAMES, BANDS) ones, with 0 where a mask lies."""
    features, paddings = np.ones((4, FRAMES, BANDS), np.float32), (np.arange(FRAMES) >= LENGTHS[:, np.newaxis]) * 1.0
    if framework == "jax":
        key = jax.random.PRNGKey(seed)
        return np.asarray(spec_augment_jax.spec_augment(jnp.asarray(features), jnp.asarray(paddings), key, **masks))
    torch.manual_seed(seed)
    tensors = torch.from_numpy(features), torch.from_numpy(paddings.astype(np.float32))
    return spec_augment_torch.spec_augment(*tensors, **masks).numpy()


def runs(zeros):
    """Lengths of the stretches of True in a vector."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], zeros.astype(int), [0]])))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_without_masks_nothing_changes(framework):
    assert (augmented(framework, time_masks=0, frequency_masks=0) == 1).all()


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_one_time_mask_is_short_and_lies_among_the_frames_that_count(framework):
    sizes = {length: [] for length in LENGTHS}
    for seed in range(40):
        values = augmented(framework, seed, time_masks=1, frequency_masks=0)
        assert (values.min(axis=2) == values.max(axis=2)).all()  # all bands of a frame together
        for row, length in zip(values[:, :, 0], LENGTHS, strict=True):
            assert (row[length:] == 1).all()
            stretches = runs(row == 0)
            assert len(stretches) <= 1
            sizes[length].append(stretches.sum())

    # Below 5 % of the length: at most 14, 9 and 4 frames; never a whole one of 15.
    assert [max(sizes[length]) for length in LENGTHS] == [14, 9, 4, 0]
    assert min(sizes[300]) <= 2


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_one_frequency_mask_is_narrower_than_27_bands(framework):
    sizes = []
    for seed in range(40):
        values = augmented(framework, seed, time_masks=0, frequency_masks=1)
        assert (values.min(axis=1) == values.max(axis=1)).all()  # all frames of a band together
        sizes += [runs(row == 0).sum() for row in values[:, 0]]

    assert max(sizes) <= 26
    assert max(sizes) > 20
    assert np.mean(sizes) == pytest.approx(13, abs=2.5)


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_every_example_has_its_own_masks(framework):
    values = augmented(framework, seed=1, time_masks=10, frequency_masks=2)

    assert not np.array_equal(values[0, :, 0], values[1, :, 0])
    # The band with the fewest zeros shows the masks over time alone, the frame with the fewest those over bands.
    over_time = min(((row == 0) for row in values[0].T), key=np.count_nonzero)
    over_bands = min(((row == 0) for row in values[0]), key=np.count_nonzero)
    assert len(runs(over_time)) > 3
    assert len(runs(over_bands)) in (1, 2)
