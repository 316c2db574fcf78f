from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from workloads import registry, shards
from workloads.data_prepare.pieces import split_arrays
from workloads.datasets import wmt
from workloads.errors import DataMismatch

LENGTH = 12
SPEC = dataclasses.replace(registry.get("wmt"), data={"max_length": LENGTH})


def write_split(directory, pairs, name=""):
    for stem, array in split_arrays(pairs).items():
        np.save(directory / f"{name}{stem}.npy", array)
    return directory


def numbered_pairs(count, seed=0):
    """Sequences of 2 to 7 tokens; the first one of both sides is the number of the pair, from 10."""
    random = np.random.default_rng(seed)
    return [
        ([10 + number, *[5] * int(random.integers(0, 6)), 2], [10 + number, *[6] * int(random.integers(0, 6)), 2])
        for number in range(count)
    ]


def pairs_of(batch):
    """The pairs that packed rows hold, in the order of the rows: (source tokens, target tokens)."""
    for row in range(len(batch["inputs"])):
        segments = [batch[f"{side}_segmentation"][row] for side in ("inputs", "targets")]
        for segment in range(1, segments[0].max() + 1):
            yield tuple(
                batch[side][row][mask == segment].tolist()
                for side, mask in zip(("inputs", "targets"), segments, strict=True)
            )


def numbers_of(batch):
    return [source[0] - 10 for source, _ in pairs_of(batch)]


def some_batches(directory, count, *, batch_size=4, seed=1):
    return list(itertools.islice(wmt.train_batches(directory, SPEC, batch_size, seed), count))


@pytest.mark.parametrize("case", [0, 1])
def test_rows_are_packed_as_in_the_reference(shared, tmp_path, case):
    record = json.loads((shared / "data" / "reference_vectors" / "pipelines" / "wmt.json").read_text())["packing"][case]
    length = record["length"]
    pairs = wmt.Pairs.load(write_split(tmp_path, record["pairs"]), length)

    groups = [np.arange(first, min(first + length, len(pairs))) for first in range(0, len(pairs), length)]
    packed = [wmt.pack(pairs, group, length) for group in groups]

    for key in record["rows"][0]:
        rows = np.concatenate([part[key] for part in packed])
        assert rows.tolist() == [row[key] for row in record["rows"]], key


def test_evaluation_rows_are_those_of_the_reference(shared, tmp_path):
    record = json.loads((shared / "data" / "reference_vectors" / "pipelines" / "wmt.json").read_text())["eval_batches"]
    spec = dataclasses.replace(SPEC, data={"max_length": record["max_length"]})
    pairs = [tuple(list(range(3, 3 + length)) for length in lengths) for lengths in record["pair_lengths"]]

    batches = list(wmt.eval_batches(write_split(tmp_path, pairs), spec, record["batch"]))

    for batch, expected in zip(batches, record["batches"], strict=True):
        rows = len(expected["inputs"])  # the last batch of the reference is short, ours is padded
        for side in ("inputs", "targets"):
            assert batch[side][:rows].tolist() == expected[side]
            assert not batch[side][rows:].any()
        np.testing.assert_array_equal(batch["weights"], batch["targets"] > 0)


def test_a_batch_has_full_rows_of_whole_pairs(tmp_path):
    pairs = numbered_pairs(300)
    write_split(tmp_path, pairs)

    for batch in some_batches(tmp_path, 20):
        assert {(array.shape, array.dtype) for array in batch.values()} == {((4, LENGTH), np.dtype(np.int32))}
        for source, target in pairs_of(batch):
            assert (source, target) == pairs[source[0] - 10]
        np.testing.assert_array_equal(batch["weights"], batch["targets_segmentation"] > 0)


def test_positions_start_again_with_every_pair(tmp_path):
    write_split(tmp_path, numbered_pairs(100))

    (batch,) = some_batches(tmp_path, 1)

    for side in ("inputs", "targets"):
        starts = batch[f"{side}_position"] == 0
        segments = batch[f"{side}_segmentation"]
        changes = np.diff(segments, axis=1, prepend=0) != 0
        np.testing.assert_array_equal(starts & (segments > 0), changes & (segments > 0))


def test_an_epoch_shows_every_pair_once(tmp_path):
    write_split(tmp_path, numbered_pairs(60))
    shown = [number for batch in some_batches(tmp_path, 60) for number in numbers_of(batch)]

    assert sorted(shown[:60]) == sorted(shown[60:120]) == list(range(60))
    assert shown[:60] != shown[60:120]


def test_training_shuffles_what_is_near_in_one_order_for_all(tmp_path):
    order = wmt.stored_order(5_000)

    shown = list(itertools.islice(wmt.buffered_order(order, 100, np.random.default_rng(0)), 5_000))

    place = np.argsort(order)
    ahead = place[shown] - np.arange(5_000)
    assert sorted(shown) == list(range(5_000))
    assert ahead.max() <= 100  # nothing comes before it is among the next 100
    assert np.corrcoef(shown, np.arange(5_000))[0, 1] < 0.1  # the order itself mixes the files


def test_training_batches_depend_on_the_seed_alone(tmp_path):
    write_split(tmp_path, numbered_pairs(200))

    first, again, other = (numbers_of(some_batches(tmp_path, 1, seed=seed)[0]) for seed in (1, 1, 2))

    assert first == again != other


def test_a_split_in_several_files_reads_as_in_one(tmp_path):
    pairs = numbered_pairs(50)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    write_split(whole, pairs)
    write_split(cut, pairs[:20], "a.")
    write_split(cut, pairs[20:], "b.")

    for one, several in zip(wmt.eval_batches(whole, SPEC, 8), wmt.eval_batches(cut, SPEC, 8), strict=True):
        for key, array in one.items():
            np.testing.assert_array_equal(array, several[key])


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_evaluation_shows_every_pair_once_on_any_number_of_devices(tmp_path, devices):
    write_split(tmp_path, numbered_pairs(37))

    batches = [part for batch in wmt.eval_batches(tmp_path, SPEC, 16) for part in shards.cut(batch, devices)]

    rows = [row for part in batches for row in range(len(part["inputs"])) if part["weights"][row].any()]
    shown = [
        part["inputs"][row][0] - 10 for part in batches for row in range(len(part["inputs"])) if part["inputs"][row][0]
    ]
    assert len(rows) == 37
    assert shown == list(range(37))


@pytest.mark.parametrize("ranks", [2, 8])
def test_ranks_train_on_pairs_of_their_own(tmp_path, ranks):
    write_split(tmp_path, numbered_pairs(400))

    parts = [next(shards.rank_batches(wmt.train_batches, tmp_path, SPEC, 16, 1, rank, ranks)) for rank in range(ranks)]

    shown = [number for part in parts for number in numbers_of(part)]
    assert {len(part["inputs"]) for part in parts} == {16 // ranks}
    assert len(set(shown)) == len(shown)


def test_pairs_with_a_side_longer_than_a_row_are_left_out(tmp_path):
    write_split(tmp_path, [([5] * (LENGTH + 1), [6, 2]), ([7, 2], [8, 2]), ([5, 2], [6] * (LENGTH + 1))])

    (batch,) = wmt.eval_batches(tmp_path, SPEC, 2)

    assert batch["inputs"][:, :2].tolist() == [[7, 2], [0, 0]]


def test_a_split_of_long_pairs_only_says_so(tmp_path):
    write_split(tmp_path, [([5] * (LENGTH + 1), [6, 2])])

    with pytest.raises(DataMismatch, match="no pair of at most 12 tokens"):
        next(wmt.train_batches(tmp_path, SPEC, 2, seed=0))
