"""Batches for several devices: nothing is lost, nothing is seen twice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workloads import registry, shards, synthetic
from workloads.errors import SubmissionError
from workloads.narrow import narrow

MOLECULES = narrow(registry.get("ogbg"))
IMAGES = narrow(registry.get("imagenet_resnet"))


def counting(_directory, _spec, batch_size, _seed):
    """Batches of consecutive numbers."""
    for start in itertools.count(0, batch_size):
        yield {"inputs": np.arange(start, start + batch_size)}


def taking_turns(_directory, _spec, batch_size, _seed, turn=(0, 1)):
    """The same, without making the batches of others."""
    rank, ranks = turn
    for start in itertools.count(rank * batch_size, ranks * batch_size):
        yield {"inputs": np.arange(start, start + batch_size)}


@pytest.mark.parametrize("dataset", [counting, taking_turns])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_ranks_together_see_what_one_process_would(ranks, dataset):
    queues = [shards.rank_batches(dataset, None, IMAGES, 8, 0, rank, ranks) for rank in range(ranks)]
    alone = counting(None, IMAGES, 8, 0)
    for _ in range(3):
        together = np.concatenate([next(queue)["inputs"] for queue in queues])
        assert together.tolist() == next(alone)["inputs"].tolist()


def test_images_of_several_devices_are_one_batch_until_they_are_cut():
    batch = next(shards.global_batches(counting, None, IMAGES, 8, 0, 4))
    parts = shards.cut(batch, 4)
    assert [part["inputs"].tolist() for part in parts] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert shards.stacked(parts)["inputs"].shape == (4, 2)


def test_pairs_of_arrays_are_cut_together():
    spec = narrow(registry.get("librispeech_conformer"))
    batch = next(synthetic.train_batches(spec, 4, 1))
    first, second = shards.cut(batch, 2)
    for part, rows in ((first, slice(0, 2)), (second, slice(2, 4))):
        assert (part["inputs"][0] == batch["inputs"][0][rows]).all()
        assert (part["targets"][1] == batch["targets"][1][rows]).all()


def molecules(_directory, spec, batch_size, seed):
    yield from synthetic.train_batches(spec, batch_size, seed)


def test_graphs_come_as_one_small_batch_per_device():
    parts = next(shards.global_batches(molecules, None, MOLECULES, 8, 3, 2))
    assert [len(part["targets"]) for part in parts] == [5, 5]
    assert shards.stacked(parts)["inputs"].nodes.shape == (2, 4 * 26 + 1, 9)


def test_joined_graphs_are_the_same_graphs():
    parts = next(shards.global_batches(molecules, None, MOLECULES, 8, 3, 2))
    joined = shards.joined(parts)["inputs"]

    offsets = np.repeat([0, len(parts[0]["inputs"].nodes)], [len(part["inputs"].senders) for part in parts])
    for name in ("senders", "receivers"):
        separate = np.concatenate([getattr(part["inputs"], name) for part in parts])
        assert (getattr(joined, name) == separate + offsets).all()
    nodes = np.concatenate([part["inputs"].nodes[part["inputs"].senders] for part in parts])
    assert (joined.nodes[joined.senders] == nodes).all()
    assert joined.n_node.sum() == len(joined.nodes)


def test_a_batch_that_devices_cannot_share_is_the_submissions_mistake():
    shards.check_divisible(16, 8)
    with pytest.raises(SubmissionError, match="12, which 8 devices cannot share evenly"):
        shards.check_divisible(12, 8)
