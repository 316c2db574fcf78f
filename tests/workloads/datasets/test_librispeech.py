from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from workloads import registry
from workloads.datasets import librispeech
from workloads.errors import DataMissing
from workloads.shards import rank_batches

SPEC = dataclasses.replace(
    registry.get("librispeech_deepspeech"), data={"max_samples": 50, "max_targets": 6, "sample_rate": 16_000}
)


def write(directory, utterances, *, word=""):
    """Utterances are (stretches of sound, tokens)."""
    stretches = [stretch for sound, _ in utterances for stretch in sound]
    counts = np.array([len(stretch) for stretch in stretches], np.int64)
    arrays = {
        "samples": np.concatenate(stretches).astype(np.int16),
        "parts": np.column_stack([np.cumsum(counts) - counts, counts]),
        "num_parts": np.array([len(sound) for sound, _ in utterances], np.int32),
        "tokens": np.array([token for _, tokens in utterances for token in tokens], np.uint16),
        "num_tokens": np.array([len(tokens) for _, tokens in utterances], np.uint16),
    }
    for name, array in arrays.items():
        np.save(directory / f"{word}{name}.npy", array)
    return directory


def numbered(count, first=0):
    """Utterances of two stretches whose only sample value, and whose first token, is their number."""
    return [([[number] * 3, [number] * (1 + number % 5)], [number, 2]) for number in range(first, first + count)]


def numbers(batch):
    return batch["targets"][0][:, 0].astype(int).tolist()


def test_an_utterance_is_its_stretches_behind_each_other_and_padding(tmp_path):
    write(tmp_path, [([[5, -6], [32_767]], [9, 2]), ([[-32_768]], [2])])

    [batch] = librispeech.eval_batches(tmp_path, SPEC, 3)

    (audio, audio_paddings), (tokens, token_paddings) = batch["inputs"], batch["targets"]
    np.testing.assert_array_equal(audio[:, :4], [[5, -6, 32_767, 0], [-32_768, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(audio_paddings[:, :4], [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]])
    np.testing.assert_array_equal(tokens[:, :3], [[9, 2, 0], [2, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(token_paddings[:, :3], [[0, 0, 1], [0, 1, 1], [1, 1, 1]])
    assert audio_paddings[:, 4:].all()
    assert token_paddings[:, 3:].all()
    np.testing.assert_array_equal(batch["weights"], [1, 1, 0])


def test_evaluation_sees_every_utterance_of_every_file_once_in_order(tmp_path):
    write(tmp_path, numbered(4, first=10), word="a.")
    write(tmp_path, numbered(3, first=20), word="b.")

    batches = list(librispeech.eval_batches(tmp_path, SPEC, 5))

    seen = [number for batch in batches for number in np.array(numbers(batch))[batch["weights"] > 0].tolist()]
    assert seen == [10, 11, 12, 13, 20, 21, 22]
    for batch in batches:
        np.testing.assert_array_equal(batch["inputs"][0][:, 0], batch["targets"][0][:, 0])


def test_training_goes_through_all_utterances_in_an_order_that_follows_from_the_seed(tmp_path):
    write(tmp_path, numbered(12, first=1))

    first, again, other = (
        [numbers(batch) for batch in itertools.islice(librispeech.train_batches(tmp_path, SPEC, 4, seed), 6)]
        for seed in (1, 1, 2)
    )

    assert first == again != other
    assert sorted(itertools.chain.from_iterable(first[:3])) == list(range(1, 13))
    assert "weights" not in next(librispeech.train_batches(tmp_path, SPEC, 4, 1))


def test_ranks_share_the_order_of_one_process(tmp_path):
    write(tmp_path, numbered(12, first=1))
    alone = librispeech.train_batches(tmp_path, SPEC, 2, 7)

    ranks = [rank_batches(librispeech.train_batches, tmp_path, SPEC, 4, 7, rank, 2) for rank in range(2)]

    for _ in range(5):
        assert [numbers(next(rank)) for rank in ranks] == [numbers(next(alone)), numbers(next(alone))]


def test_large_batches_made_ahead_are_those_of_small_ones(tmp_path, monkeypatch):
    write(tmp_path, numbered(12, first=1))
    plain = list(itertools.islice(librispeech.train_batches(tmp_path, SPEC, 4, 1), 5))

    monkeypatch.setattr(librispeech, "_LARGE_BATCH", 0)

    for ahead, batch in zip(librispeech.train_batches(tmp_path, SPEC, 4, 1), plain, strict=False):
        np.testing.assert_array_equal(ahead["inputs"], batch["inputs"])
        np.testing.assert_array_equal(ahead["targets"], batch["targets"])


def test_a_folder_without_sound_is_named(tmp_path):
    with pytest.raises(DataMissing, match=f"{tmp_path} holds no samples"):
        next(librispeech.eval_batches(tmp_path, SPEC, 2))
