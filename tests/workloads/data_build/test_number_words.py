"""Rows of digits, from a package that holds tones in place of the voice."""

from __future__ import annotations

import subprocess
import wave

import numpy as np
import pytest

from workloads.data_build import number_words
from workloads.data_prepare.pieces import tokeniser

COUNTS = {"train": 300, "eval_train": 20, "validation": 30, "test": 30}
SECONDS = 0.5


def tone(digit):
    """Quiet, a tone whose pitch tells the digit, quiet; 8 kHz."""
    time = np.arange(int(8_000 * SECONDS)) / 8_000
    sound = np.rint(9_000 * np.sin(2 * np.pi * (300 + 150 * digit) * time)).astype("<i2")
    return np.concatenate([np.zeros(900, "<i2"), sound, np.zeros(500, "<i2")])


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A Debian package of ten prompts."""
    tree = tmp_path_factory.mktemp("package")
    folder = tree / "usr" / "share" / "asterisk" / "sounds" / "en_US_f_Allison" / "digits"
    folder.mkdir(parents=True)
    for digit in range(10):
        with wave.open(str(folder / f"{digit}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8_000)
            file.writeframes(tone(digit).tobytes())
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN" / "control").write_text(
        "Package: prompts\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: prompts\n"
    )
    path = tree.parent / "prompts.deb"
    subprocess.run(["dpkg-deb", "--build", str(tree), str(path)], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def tree(package):
    return number_words.build(package, COUNTS)


def texts(tree, split):
    cut = tokeniser(tree["vocabulary"]["sentencepiece.model"])
    rows = np.split(tree[split]["tokens"], np.cumsum(tree[split]["num_tokens"])[:-1])
    return [cut.decode(row.tolist()) for row in rows]


def sounds(tree, split):
    parts = [tree[split]["samples"][first : first + count] for first, count in tree[split]["parts"]]
    ends = np.cumsum(tree[split]["num_parts"])
    return [np.concatenate(parts[end - count : end]) for count, end in zip(tree[split]["num_parts"], ends, strict=True)]


def test_every_split_says_words_in_whole_pieces(tree):
    for split, count in COUNTS.items():
        said = texts(tree, split)
        assert len(said) == len(tree[split]["num_parts"]) == count
        assert {word for text in said for word in text.split()} <= set(number_words.WORDS)
        # A token each, and the end.
        assert tree[split]["num_tokens"].tolist() == [len(text.split()) + 1 for text in said]


def test_no_row_of_several_words_is_in_two_splits(tree):
    rows = {split: {text for text in texts(tree, split) if " " in text} for split in COUNTS}

    assert not rows["train"] & rows["validation"]
    assert not rows["train"] & rows["test"]
    assert not rows["validation"] & rows["test"]
    assert all(" " in text for split in ("validation", "test") for text in texts(tree, split))


def test_no_word_sounds_the_same_in_two_splits_but_what_evaluates_training_does(tree):
    def words(split):
        silence = max(first for first, _ in tree[split]["parts"].tolist())
        return {
            tree[split]["samples"][first : first + count].tobytes()
            for first, count in tree[split]["parts"].tolist()
            if first != silence
        }

    assert words("eval_train") <= words("train")
    assert not words("train") & (words("validation") | words("test"))
    assert not words("validation") & words("test")


def test_utterances_fit_and_hold_the_tones_of_their_words(tree):
    for text, sound in zip(texts(tree, "validation"), sounds(tree, "validation"), strict=True):
        assert len(sound) <= number_words.MAX_SAMPLES
        # At 16 kHz and a higher speed a tone is higher; long loud stretches are the words, in order.
        loud = np.convolve(np.abs(sound.astype(float)), np.ones(400) / 400, "same") > 1_000
        starts = np.flatnonzero(np.diff(loud.astype(int)) == 1)
        ends = np.flatnonzero(np.diff(loud.astype(int)) == -1)
        pitches = [
            np.argmax(np.abs(np.fft.rfft(sound[start:end]))) * 16_000 / (end - start)
            for start, end in zip(starts, ends, strict=True)
            if end - start > 800
        ]
        expected = [300 + 150 * number_words.WORDS.index(word) for word in text.split()]
        assert len(pitches) == len(expected)
        for pitch, natural in zip(pitches, expected, strict=True):
            low, high = (speed / 1_000 * natural for speed in number_words.SPEED["validation"])
            assert 0.97 * low <= pitch <= 1.03 * high


def test_building_again_makes_the_same_bytes(tree, package):
    again = number_words.build(package, COUNTS)

    for folder, contents in tree.items():
        for name, content in contents.items():
            if isinstance(content, bytes):
                assert again[folder][name] == content
            else:
                np.testing.assert_array_equal(again[folder][name], content)
