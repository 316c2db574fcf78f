"""Spoken digits in a row, as a dataset of read speech: one studio voice, ten recordings, many ways to string them.

The recordings of the ten digits are those of Asterisk's English voice, as Debian packs them (8 kHz, 16 bits). Each is
copied at several speeds, volumes and levels of noise; a copy is a "take", and an utterance is a row of takes with
pauses between them. No sequence of two or three digits and no take is in two of train, validation and test; the voice
is always the same.

Everything is computed in integers, so that every machine makes the same bytes.
"""

from __future__ import annotations

import io
import itertools
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workloads.batching import generator
from workloads.data_build.debian import read_folder
from workloads.data_build.sources import Tree
from workloads.data_prepare.pieces import END, tokeniser, train_vocabulary

_FOLDER = "usr/share/asterisk/sounds/en_US_f_Allison/digits"
WORDS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")

COUNTS = {"train": 4_000, "eval_train": 160, "validation": 160, "test": 160}
TAKES = {"train": 8, "eval_train": 2, "validation": 3, "test": 3}  # copies of each word; eval_train's are train's
LENGTHS = (2, 3)  # words in an utterance; in training there are single ones, too
HELD_OUT = 6  # one in so many sequences of a length is validation's, one is test's
MAX_SAMPLES = 26_000  # the longest words at the lowest speed with the shortest pauses have a little less
PIECES = 29  # the words, their letters, and four marks

_SEED = 2022
_FRACTION = 1 << 10  # positions between two samples
# Thousandths of the natural one. What is held apart is said faster, too: otherwise the best models make no mistake.
SPEED = {"train": (1_400, 1_600), "eval_train": (1_400, 1_600), "validation": (1_400, 1_800), "test": (1_400, 1_800)}
_VOLUME = (90, 280)  # 256ths
_NOISE = (50, 500)  # of sixteen bits, about one standard deviation
_PAUSE = (200, 1_600)  # samples
_QUIET = 150  # mean size of the samples below which a recording has not begun yet, or is over
_WINDOW = 80  # samples of the recording, for that mean
_MARGIN = 160


@dataclass(frozen=True, kw_only=True)
class _Takes:
    """All copies of all words behind each other, and behind them a stretch of noise that pauses are cut from."""

    samples: np.ndarray
    first: np.ndarray  # (takes, words)
    count: np.ndarray  # (takes, words)
    silence: int  # the first sample of the noise


def build(package: Path, counts: Mapping[str, int] = COUNTS) -> Tree:
    """The splits and the vocabulary, from Debian's package of prompts."""
    recordings = [_trimmed(sound) for sound in _read(package)]
    sequences = _sequences(counts)
    texts = {split: [" ".join(WORDS[word] for word in row) for row in rows] for split, rows in sequences.items()}
    vocabulary = train_vocabulary(texts["train"], PIECES)
    tree: dict[str, Mapping[str, np.ndarray | bytes]] = {"vocabulary": {"sentencepiece.model": vocabulary}}
    for number, split in enumerate(counts):
        key = "train" if split == "eval_train" else split
        takes = _takes(recordings, TAKES[split], SPEED[split], [_SEED, list(counts).index(key)])
        random = generator([_SEED, 100 + number])
        tokens = _tokens(vocabulary, texts[split])
        tree[split] = {**_utterances(takes, sequences[split], random), **tokens, "samples": takes.samples}
    return tree


def _read(package: Path) -> list[np.ndarray]:
    """The recordings of the ten words, int64."""
    files = read_folder(package, _FOLDER)
    sounds = []
    for digit in range(len(WORDS)):
        with wave.open(io.BytesIO(files[f"{digit}.wav"])) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (8_000, 2, 1)
            sounds.append(np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int64))
    return sounds


def _trimmed(sound: np.ndarray) -> np.ndarray:
    """The recording without the quiet before and behind the word."""
    sums = np.cumsum(np.abs(sound))
    loud = np.flatnonzero(sums[_WINDOW:] - sums[:-_WINDOW] > _QUIET * _WINDOW)
    return sound[max(0, loud[0] - _MARGIN) : loud[-1] + _WINDOW + _MARGIN]


def _sequences(counts: Mapping[str, int]) -> dict[str, list[tuple[int, ...]]]:
    """What is said in each utterance, in words by number.

    Every sequence of several words belongs to one split; single words are for training only. A split takes sequences of
    all its lengths in turn and repeats them as often as it needs, each time from new takes.
    """
    rows: dict[str, list[list[tuple[int, ...]]]] = {"train": [[(word,) for word in range(len(WORDS))]]}
    for length in LENGTHS:
        every = list(itertools.product(range(len(WORDS)), repeat=length))
        order = generator([_SEED, 99, length]).permutation(len(every)).tolist()
        held_out = len(every) // HELD_OUT
        cuts = {"validation": order[:held_out], "test": order[held_out : 2 * held_out], "train": order[2 * held_out :]}
        for split, chosen in cuts.items():
            rows.setdefault(split, []).append([every[position] for position in chosen])
    rows["eval_train"] = rows["train"]
    return {split: list(itertools.islice(_in_turn(rows[split]), counts[split])) for split in counts}


def _in_turn(lists: Sequence[Sequence[tuple[int, ...]]]) -> Iterator[tuple[int, ...]]:
    """The first of each list, the second of each list, ...; each starts again when it is through."""
    return itertools.chain.from_iterable(zip(*map(itertools.cycle, lists), strict=True))


def _takes(recordings: Sequence[np.ndarray], number: int, speed: tuple[int, int], key: Sequence[int]) -> _Takes:
    """`number` copies of each word. The first copies are the same whatever the number."""
    parts, counts = [], []
    for take in range(number):
        for word, recording in enumerate(recordings):
            random = generator([*key, take, word])
            sound = _resampled(recording, int(random.integers(*speed))) * int(random.integers(*_VOLUME)) // 256
            sound += _noise(random, len(sound), int(random.integers(*_NOISE)))
            parts.append(sound)
            counts.append(len(sound))
    quiet = generator([*key, number])
    parts.append(_noise(quiet, _PAUSE[1], int(quiet.integers(*_NOISE))))
    count = np.array(counts).reshape(number, len(recordings))
    first = (np.cumsum(counts) - counts).reshape(count.shape)
    samples = np.clip(np.concatenate(parts), -32_768, 32_767).astype(np.int16)
    return _Takes(samples=samples, first=first, count=count, silence=sum(counts))


def _resampled(sound: np.ndarray, speed: int) -> np.ndarray:
    """8 kHz at its natural speed to 16 kHz at another, in thousandths: Catmull-Rom splines in integers."""
    step = speed * _FRACTION // 2_000
    position = np.arange(0, (len(sound) - 3) * _FRACTION, step)
    whole, t = position // _FRACTION, position % _FRACTION
    before, here, there, beyond = (sound[whole + offset] for offset in range(4))
    one = _FRACTION
    cubic = (3 * (here - there) + beyond - before) * t**3
    square = (2 * before - 5 * here + 4 * there - beyond) * t**2 * one
    linear = (there - before) * t * one**2
    return here + (cubic + square + linear) // (2 * one**3)


def _noise(random: np.random.Generator, count: int, level: int) -> np.ndarray:
    """Sums of four evenly drawn numbers, nearly normal; `level` is about their standard deviation."""
    return random.integers(-level, level + 1, (4, count)).sum(axis=0) * 7 // 8


def _utterances(takes: _Takes, rows: Sequence[tuple[int, ...]], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Each row as stretches of sound: a pause, a word, a pause, a word, ..., a pause."""
    parts, num_parts = [], []
    for row in rows:
        stretches = list(_stretches(takes, row, random))
        while sum(count for _, count in stretches) > MAX_SAMPLES:
            stretches = list(_stretches(takes, row, random))
        parts += stretches
        num_parts.append(len(stretches))
    return {"parts": np.array(parts, np.int32), "num_parts": np.array(num_parts, np.int32)}


def _stretches(takes: _Takes, row: tuple[int, ...], random: np.random.Generator) -> Iterator[tuple[int, int]]:
    """(first sample, number of samples) each."""
    for word in row:
        yield takes.silence, int(random.integers(*_PAUSE))
        take = int(random.integers(len(takes.first)))
        yield int(takes.first[take, word]), int(takes.count[take, word])
    yield takes.silence, int(random.integers(*_PAUSE))


def _tokens(vocabulary: bytes, texts: Sequence[str]) -> dict[str, np.ndarray]:
    cut = tokeniser(vocabulary)
    rows = [[*cut.encode(text), END] for text in texts]
    return {
        "tokens": np.array([token for row in rows for token in row], np.uint16),
        "num_tokens": np.array([len(row) for row in rows], np.uint16),
    }
