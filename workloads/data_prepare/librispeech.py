"""LibriSpeech as its owners hand it out: folders of FLAC recordings, a file of transcripts in each chapter's.

Utterances of more than 20 seconds or 256 characters are left out, as in the benchmark. Sound is stored as 16-bit
samples, transcripts as tokens of a vocabulary that is trained on those of train-clean-100. The benchmark's order is
that of a directory listing, which differs between machines; here utterances are in the order of their names. What
evaluates training is spread evenly over the training split. test-other is not used.

Source: AlgoPerf workloads, LibriSpeech, "Preparing the data"; Panayotov et al. 2015.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workloads.data_prepare.parts import Part, Problem, Say
from workloads.data_prepare.pieces import END, tokeniser, train_vocabulary
from workloads.datasets.librispeech import Speech
from workloads.errors import DataDamaged

RATE = 16_000
_VOCABULARY = Path("vocabulary", "sentencepiece.model")
_EVAL_TRAIN_PARTS = 16


@dataclass(frozen=True, kw_only=True)
class LibriSpeech:
    """How the folders of recordings become a dataset."""

    dataset: str = "librispeech"
    version: int = 1
    licence: str = "CC BY 4.0 (LibriSpeech; recordings of LibriVox, texts of Project Gutenberg)"
    layout: str = (
        "  [LibriSpeech/]SET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac and SPEAKER-CHAPTER.trans.txt,\n"
        "  for the sets train-clean-100, train-clean-360, train-other-500, dev-clean, dev-other and test-clean:\n"
        "  unpack their archives (openslr.org/12) with `tar -xzf SET.tar.gz`, all in one folder"
    )
    counts: Mapping[str, int] = field(
        default_factory=lambda: {"train": 263_840, "eval_train": 5_376, "validation": 5_348, "test": 2_472}
    )
    # Split -> set -> how many utterances its owners put into it.
    sets: Mapping[str, Mapping[str, int]] = field(
        default_factory=lambda: {
            "train": {"train-clean-100": 28_539, "train-clean-360": 104_014, "train-other-500": 148_688},
            "validation": {"dev-clean": 2_703, "dev-other": 2_864},
            "test": {"test-clean": 2_620},
        }
    )
    vocabulary_set: str = "train-clean-100"
    pieces: int = 1_024
    vocabulary_characters: int = 10_000_000  # of transcripts to train it on, at most
    longest_sound: int = 20 * RATE  # samples
    longest_text: int = 256  # characters

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Missing sets, transcripts without a recording, recordings without a transcript, wrong numbers of both."""
        problems = []
        for name, wanted in self._all_sets().items():
            folder = _root(source) / name
            if not folder.is_dir():
                problems.append(Problem(path=name, expected="a folder of speakers", advice=_unpack(source, name)))
                continue
            found, damaged = 0, []
            for chapter in _chapters(folder):
                try:
                    said = set(_transcripts(chapter))
                except DataDamaged as error:
                    damaged.append(Problem(path=_below(chapter), expected="transcripts", advice=str(error)))
                    continue
                recorded = {path.stem for path in chapter.glob("*.flac")}
                found += len(said)
                for utterance in sorted(said ^ recorded):
                    expected = "a recording" if utterance in said else "a transcript"
                    damaged.append(
                        Problem(path=f"{_below(chapter)}/{utterance}", expected=expected, advice=_again(name))
                    )
            say(f"librispeech: {found:,} transcripts in {name}")
            problems += damaged
            if found != wanted and not damaged:
                expected, number = f"{wanted:,} utterances", f"{found:,}"
                problems.append(Problem(path=name, expected=expected, found=number, advice=_again(name)))
        return problems

    def parts(self, source: Path) -> list[Part]:
        """The vocabulary; then the speakers, each for itself; then what evaluates training."""
        parts = [Part(name="vocabulary", split="vocabulary")]
        for split, sets in self.sets.items():
            for name in sets:
                parts += [
                    Part(name=f"{name}_{speaker.name}", split=split, stage=1, job=(name, speaker.name), nbytes=60 << 20)
                    for speaker in _folders(_root(source) / name)
                ]
        return parts + [
            Part(name=f"eval_train_{number:02}", split="eval_train", stage=2, job=(number,), nbytes=140 << 20)
            for number in range(_EVAL_TRAIN_PARTS)
        ]

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        if part.split == "vocabulary":
            (folder / _VOCABULARY.name).write_bytes(train_vocabulary(self._texts(source), self.pieces))
            return 0
        if part.split == "eval_train":
            sounds, texts = self._some_of_training(prepared / "train", *part.job)
        else:
            name, speaker = part.job
            sounds, texts = self._read(_root(source) / name / speaker, (prepared / _VOCABULARY).read_bytes())
        for stem, array in _arrays(sounds, texts).items():
            np.save(folder / f"{part.name}.{stem}.npy", array, allow_pickle=False)
        return len(sounds)

    def _all_sets(self) -> Mapping[str, int]:
        return {name: wanted for sets in self.sets.values() for name, wanted in sets.items()}

    def _texts(self, source: Path) -> Iterator[str]:
        """The transcripts that the vocabulary is trained on."""
        characters = 0
        for chapter in _chapters(_root(source) / self.vocabulary_set):
            for text in _transcripts(chapter).values():
                characters += len(text)
                if characters > self.vocabulary_characters:
                    return
                yield text

    def _read(self, speaker: Path, vocabulary: bytes) -> tuple[list[np.ndarray], list[list[int]]]:
        """Sound and tokens of every utterance of a speaker that is short enough."""
        cut = tokeniser(vocabulary)
        sounds, texts = [], []
        for chapter in _folders(speaker):
            for name, text in _transcripts(chapter).items():
                if len(text) > self.longest_text:
                    continue
                sound = read_flac(chapter / f"{name}.flac", self.longest_sound)
                if sound is not None:
                    sounds.append(sound)
                    texts.append([*cut.encode(text), END])
        return sounds, texts

    def _some_of_training(self, train: Path, number: int) -> tuple[list[np.ndarray], list[list[int]]]:
        """Of the utterances at equal distances through the finished training split, those of one part."""
        speech, wanted = Speech.load(train), self.counts["eval_train"]
        chosen = (np.arange(wanted) * len(speech) // wanted)[number::_EVAL_TRAIN_PARTS]
        return [speech.sound(one) for one in chosen], [speech.text(one).astype(int).tolist() for one in chosen]


def read_flac(path: Path, longest: int) -> np.ndarray | None:
    """(samples,) int16 of one voice at 16 kHz; None where there are more than `longest`.

    Raises:
        DataDamaged: it is missing, cut off, or something else than a FLAC file of that kind.
    """
    import soundfile

    again = "get its archive again and unpack it"
    try:
        with soundfile.SoundFile(path) as file:
            kind = (file.format, file.subtype, file.samplerate, file.channels)
            if kind != ("FLAC", "PCM_16", RATE, 1):
                raise DataDamaged(f"{path} is {kind}, expected 16-bit FLAC of one channel at {RATE} Hz: {again}")
            frames = file.frames
            if frames > longest:
                return None
            sound: np.ndarray = file.read(dtype="int16")
    except (soundfile.SoundFileError, OSError) as error:
        raise DataDamaged(f"{path} cannot be read ({error}): {again}") from error
    if len(sound) != frames:
        raise DataDamaged(f"{path} ends after {len(sound):,} of {frames:,} samples: {again}")
    return sound


def _root(source: Path) -> Path:
    """The archives unpack into a folder of that name; an operator may name it or the one around it."""
    return source / "LibriSpeech" if (source / "LibriSpeech").is_dir() else source


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _chapters(folder: Path) -> Iterator[Path]:
    return itertools.chain.from_iterable(map(_folders, _folders(folder)))


def _transcripts(chapter: Path) -> dict[str, str]:
    """Name of an utterance -> what is said, of a chapter's file: a line each, the name first.

    Raises:
        DataDamaged: the file is missing, or a line is something else.
    """
    path = chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt"
    try:
        lines = [line.partition(" ") for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataDamaged(f"{path} cannot be read ({error}): unpack its archive again") from error
    prefix = f"{chapter.parent.name}-{chapter.name}-"
    strange = [name for name, _, text in lines if not name.removeprefix(prefix).isdigit() or not text]
    if strange:
        raise DataDamaged(f"{path} has a line that is no utterance's, {strange[0][:40]!r}: unpack its archive again")
    return {name: text for name, _, text in sorted(lines)}


def _below(chapter: Path) -> str:
    return "/".join(chapter.parts[-3:])


def _unpack(source: Path, name: str) -> str:
    """What to do about a set that is not there."""
    archives = [path for path in (source / f"{name}.tar.gz", _root(source) / f"{name}.tar.gz") if path.is_file()]
    if archives:
        return f"Unpack {archives[0].name} where it is: `tar -xzf {archives[0].name}`."
    return _again(name)


def _again(name: str) -> str:
    return f"Get {name}.tar.gz from openslr.org/12 and unpack it."


def _arrays(sounds: Sequence[np.ndarray], texts: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """A set of files as `workloads.datasets.librispeech` reads them."""
    counts = np.array([len(sound) for sound in sounds], np.int64)
    return {
        "samples": np.concatenate([np.empty(0, np.int16), *sounds]),
        "parts": np.column_stack([np.cumsum(counts) - counts, counts]),
        "num_parts": np.ones(len(sounds), np.int32),
        "tokens": np.array([token for text in texts for token in text], np.uint16),
        "num_tokens": np.array([len(text) for text in texts], np.uint16),
    }


PREPARER = LibriSpeech()
