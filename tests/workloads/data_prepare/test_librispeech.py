"""Recordings and transcripts, in folders as the archives of LibriSpeech unpack."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import soundfile

from workloads import registry
from workloads.data_prepare.librispeech import PREPARER, read_flac
from workloads.data_prepare.run import prepare
from workloads.datasets import librispeech
from workloads.errors import DataDamaged, DataMissing
from workloads.metrics.word_error_rate import WordErrorRate

TEXTS = {
    "train-clean-100/19/198": ["THE QUICK BROWN FOX JUMPS OVER A LAZY DOG'S HOUSE", "A LAMP BY THE RIVER", "IT RAINED"],
    "train-clean-100/26/495": ["NOBODY CAME", "SHE READ ALOUD"],
    "train-clean-360/14/208": ["HE WROTE TO HIS SISTER"],
    "train-other-500/20/205": ["SO THEY WENT", "NEVER MIND"],
    "dev-clean/84/121": ["GO ON THEN"],
    "dev-other/116/288": ["AS YOU LIKE"],
    "test-clean/61/70": ["A LONG WALK HOME"],
}
SMALL = dataclasses.replace(
    PREPARER,
    counts={"train": 8, "eval_train": 4, "validation": 2, "test": 1},
    sets={
        "train": {"train-clean-100": 5, "train-clean-360": 1, "train-other-500": 2},
        "validation": {"dev-clean": 1, "dev-other": 1},
        "test": {"test-clean": 1},
    },
    pieces=32,
)


def sound(name, samples=4_000):
    """A different tone for every name."""
    pitch = 200 + 40 * sum(map(ord, name)) % 2_000
    return np.rint(9_000 * np.sin(np.arange(samples) * pitch * 2 * np.pi / 16_000)).astype(np.int16)


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source" / "LibriSpeech"
    for chapter, texts in TEXTS.items():
        folder = root / chapter
        folder.mkdir(parents=True)
        prefix = "-".join(chapter.split("/")[1:])
        lines = []
        for number, text in enumerate(texts):
            name = f"{prefix}-{number:04}"
            soundfile.write(folder / f"{name}.flac", sound(name), 16_000, subtype="PCM_16")
            lines.append(f"{name} {text}\n")
        (folder / f"{prefix}.trans.txt").write_text("".join(lines))
    return root.parent


def prepared_texts(prepared, split):
    """What is said in a split, cut into tokens and put together again."""
    vocabulary = WordErrorRate(prepared)._vocabulary
    speech = librispeech.Speech.load(prepared / split)
    return [vocabulary.decode(speech.text(number).astype(int).tolist()) for number in range(len(speech))]


def test_every_utterance_keeps_its_samples_and_its_words(source, tmp_path):
    prepared = prepare(SMALL, source, tmp_path / "to", 1, print)

    training = [text for chapter, texts in TEXTS.items() if chapter.startswith("train") for text in texts]
    assert sorted(prepared_texts(prepared, "train")) == sorted(training)
    assert sorted(prepared_texts(prepared, "validation")) == ["AS YOU LIKE", "GO ON THEN"]
    assert set(prepared_texts(prepared, "eval_train")) < set(training)
    [recorded] = [librispeech.Speech.load(prepared / "test").sound(0)]
    np.testing.assert_array_equal(recorded, sound("61-70-0000"))


def test_batches_have_the_benchmarks_layout(source, tmp_path):
    prepared = prepare(SMALL, source, tmp_path / "to", 1, print)
    spec = registry.get("librispeech_conformer")

    [batch] = librispeech.eval_batches(prepared / "validation", spec, 3)

    (audio, audio_paddings), (tokens, token_paddings) = batch["inputs"], batch["targets"]
    assert audio.shape == audio_paddings.shape == (3, 320_000)
    assert tokens.shape == token_paddings.shape == (3, 256)
    assert {array.dtype for array in (audio, audio_paddings, tokens, token_paddings)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal((1 - audio_paddings).sum(axis=1), [4_000, 4_000, 0])
    np.testing.assert_array_equal(batch["weights"], [1, 1, 0])
    last = (1 - token_paddings).sum(axis=1).astype(int) - 1
    assert all(tokens[row, last[row]] == 2 for row in range(2))  # the token of the end


def test_what_is_too_long_is_left_out(source, tmp_path):
    folder = source / "LibriSpeech" / "train-clean-100" / "19" / "198"
    soundfile.write(folder / "19-198-0001.flac", sound("long", 320_001), 16_000, subtype="PCM_16")
    transcripts = folder / "19-198.trans.txt"
    transcripts.write_text(transcripts.read_text().replace("IT RAINED", "IT RAINED " * 26))

    prepared = prepare(
        dataclasses.replace(SMALL, counts={**SMALL.counts, "train": 6}), source, tmp_path / "to", 1, print
    )

    assert not {"A LAMP BY THE RIVER", "IT RAINED"} & set(prepared_texts(prepared, "train"))


def test_a_second_preparation_makes_the_same_bytes(source, tmp_path):
    first, second = (prepare(SMALL, source, tmp_path / name, 1, print) for name in ("one", "two"))

    manifests = [json.loads((prepared / "manifest.json").read_text()) for prepared in (first, second)]
    assert manifests[0]["parts"] == manifests[1]["parts"]


def test_a_missing_set_and_a_missing_recording_are_named_before_anything_is_done(source, tmp_path):
    root = source / "LibriSpeech"
    (root / "test-clean").rename(source / "elsewhere")
    (source / "test-clean.tar.gz").write_bytes(b"")
    (root / "dev-clean" / "84" / "121" / "84-121-0000.flac").unlink()

    with pytest.raises(DataMissing) as raised:
        prepare(SMALL, source, tmp_path / "to", 1, print)

    message = str(raised.value)
    assert "test-clean: expected a folder of speakers" in message
    assert "tar -xzf test-clean.tar.gz" in message
    assert "dev-clean/84/121/84-121-0000: expected a recording" in message


def test_a_missing_transcript_is_named(source):
    (source / "LibriSpeech" / "dev-other" / "116" / "288" / "116-288.trans.txt").unlink()

    [problem, *_] = SMALL.check(source, print)

    assert "116-288.trans.txt" in str(problem)


def test_a_set_with_fewer_utterances_than_its_owners_put_into_it_is_named(source):
    whole = dataclasses.replace(SMALL, sets={**SMALL.sets, "test": {"test-clean": 2_620}})

    [problem] = whole.check(source, print)

    assert str(problem).startswith("test-clean: expected 2,620 utterances, found 1.")


@pytest.mark.parametrize("keep", [0, 40, 0.6], ids=["empty", "cut off in its head", "cut off"])
def test_a_damaged_recording_is_named_and_the_others_are_kept(source, tmp_path, keep):
    path = source / "LibriSpeech" / "dev-clean" / "84" / "121" / "84-121-0000.flac"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])

    with pytest.raises(DataDamaged, match=r"84-121-0000\.flac"):
        prepare(SMALL, source, tmp_path / "to", 1, print)

    assert len(librispeech.Speech.load(tmp_path / "to" / "librispeech" / "train")) == 8


def test_sound_of_another_kind_is_refused(tmp_path):
    soundfile.write(tmp_path / "slow.flac", sound("slow"), 8_000, subtype="PCM_16")

    with pytest.raises(DataDamaged, match="16-bit FLAC of one channel at 16000 Hz"):
        read_flac(tmp_path / "slow.flac", 320_000)
