from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from workloads import registry, synthetic
from workloads.datasets import criteo1tb
from workloads.errors import DataMissing, SubmissionError

SPEC = registry.get("criteo1tb")
RECORD = [("label", np.uint8), *((f"count_{n}", np.uint16) for n in range(13)), *((f"id_{n}", "u4") for n in range(26))]


@pytest.fixture
def split(tmp_path):
    """Ten rows in pieces of four, three and three; the last category numbers them."""
    rows = np.zeros(10, RECORD)
    rows["id_25"] = np.arange(10)
    rows["count_0"] = np.arange(10)
    rows["label"] = np.arange(10) % 2
    for number, piece in enumerate(np.split(rows, [4, 7])):
        np.save(tmp_path / f"piece_{number}.npy", piece)
    return tmp_path


def rows_of(batch):
    return batch["inputs"][:, -1].astype(int).tolist()


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def test_batches_have_the_layout_of_the_made_up_ones(split):
    train = next(criteo1tb.train_batches(split, SPEC, 4, seed=0))
    evaluation = next(criteo1tb.eval_batches(split, SPEC, 4))

    for found, expected in [
        (train, next(synthetic.train_batches(SPEC, 4, seed=0))),
        (evaluation, next(synthetic.eval_batches(SPEC, 4, 10, seed=0))),
    ]:
        layout = {key: (value.shape, value.dtype) for key, value in expected.items()}
        assert {key: (value.shape, value.dtype) for key, value in found.items()} == layout


def test_counts_become_logarithms_and_categories_stay(split):
    (batch,) = criteo1tb.eval_batches(split, SPEC, 10)

    np.testing.assert_allclose(batch["inputs"][:, 0], np.log1p(np.arange(10)), rtol=1e-6)
    assert rows_of(batch) == list(range(10))
    assert batch["targets"][:, 0].tolist() == [0, 1] * 5


def test_evaluation_sees_every_row_once_in_order_and_pads_with_weight_0(split, shared):
    golden = json.loads((shared / "data" / "reference_vectors" / "pipelines" / "batch_padding.json").read_text())

    batches = list(criteo1tb.eval_batches(split, SPEC, 4))

    weights = np.concatenate([batch["weights"] for batch in batches])
    assert joined(map(rows_of, batches))[:10] == list(range(10))
    assert weights[:, 0].tolist() == [1] * 10 + [0] * 2
    assert not batches[-1]["inputs"][2:].any()
    assert batches[0]["weights"].shape[1:] == np.shape(golden["criteo_like_weights"])[1:]


def test_an_epoch_shows_pieces_whole_and_in_a_fresh_order_and_drops_the_rest(split):
    batches = itertools.islice(criteo1tb.train_batches(split, SPEC, 3, seed=0), 60)

    epochs = [joined(rows) for rows in zip(*[map(rows_of, batches)] * 3, strict=True)]

    pieces = ([0, 1, 2, 3], [4, 5, 6], [7, 8, 9])
    orders = {tuple(joined(order)[:9]) for order in itertools.permutations(pieces)}
    assert len(epochs) == 20
    assert {tuple(epoch) for epoch in epochs} <= orders
    assert len({tuple(epoch) for epoch in epochs}) > 3


def test_training_batches_depend_on_the_seed_alone(split):
    def order(seed):
        return [rows_of(batch) for batch in itertools.islice(criteo1tb.train_batches(split, SPEC, 3, seed), 12)]

    assert order(5) == order(5)
    assert order(5) != order(6)


def test_ranks_take_turns_at_the_batches_of_one_order(split):
    def order(turn, count):
        batches = criteo1tb.train_batches(split, SPEC, 3, seed=2, turn=turn)
        return [rows_of(batch) for batch in itertools.islice(batches, count)]

    both = order((0, 2), 6), order((1, 2), 6)

    assert joined(zip(*both, strict=True)) == order((0, 1), 12)


def test_large_batches_made_ahead_are_the_same(split, monkeypatch):
    alone = [rows_of(batch) for batch in itertools.islice(criteo1tb.train_batches(split, SPEC, 3, seed=2), 30)]
    monkeypatch.setattr(criteo1tb, "_LARGE_BATCH", 0)

    ahead = [rows_of(batch) for batch in itertools.islice(criteo1tb.train_batches(split, SPEC, 3, seed=2), 30)]

    assert ahead == alone


def test_a_batch_larger_than_an_epoch_is_refused(split):
    with pytest.raises(SubmissionError, match="asked for 11 rows, and the training split has only 10"):
        next(criteo1tb.train_batches(split, SPEC, 11, seed=0))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(DataMissing, match="holds no piece of rows"):
        next(criteo1tb.eval_batches(tmp_path, SPEC, 4))
