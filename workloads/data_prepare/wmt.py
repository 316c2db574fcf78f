"""German and English sentences of the WMT translation tasks, as tokens of a vocabulary trained on some of them.

Training is the parallel text of WMT 2017, validation the news test of 2013, test that of 2014. Line n of one language
is the translation of line n of the other; pairs with an empty side are left out. The benchmark reads these texts in a
shuffled order of its own. Here the vocabulary is trained on pairs from all over them, as many bytes as there, and the
loader brings the pairs in an order of ours, so the vocabulary and the batches are alike but not the same.

Source: AlgoPerf workloads, wmt, "Data"; which files make up a split: TensorFlow Datasets, wmt17_translate and
wmt14_translate.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workloads.data_prepare.parts import Part, Problem, Say
from workloads.data_prepare.pieces import TokenPair, split_arrays, token_pairs, train_vocabulary
from workloads.datasets.wmt import Pairs
from workloads.errors import DataDamaged

_TRAINING = {
    "europarl-v7.de-en": "training-parallel-europarl-v7.tgz",
    "commoncrawl.de-en": "training-parallel-commoncrawl.tgz",
    "news-commentary-v12.de-en": "training-parallel-nc-v12.tgz",
    "rapid2016.de-en": "rapid2016.tgz",
}
# Split -> both files, source language first, and the archive they come in.
_HELD_OUT = {
    "validation": ("newstest2013.de", "newstest2013.en", "dev.tgz"),
    "test": ("newstest2014-deen-src.de.sgm", "newstest2014-deen-ref.en.sgm", "test-full.tgz"),
}
_SEGMENT = re.compile(rb'<seg id="\d+">(.*)</seg>')
_LONGEST_SIDE = 65_535  # tokens: what the arrays can say
_Texts = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Wmt:
    """How the parallel texts become a dataset."""

    dataset: str = "wmt"
    version: int = 1
    licence: str = "the owners' terms of each text (Europarl, Common Crawl, News Commentary, Rapid, WMT news tests)"
    layout: str = (
        "  europarl-v7.de-en.{de,en}  commoncrawl.de-en.{de,en}  news-commentary-v12.de-en.{de,en}\n"
        "  rapid2016.de-en.{de,en}  newstest2013.{de,en}  newstest2014-deen-{src.de,ref.en}.sgm\n"
        "                             unpacked from statmt.org; in the folder itself or in folders right below it"
    )
    counts: Mapping[str, int] = field(
        default_factory=lambda: {"train": 5_906_184, "eval_train": 3_072, "validation": 3_000, "test": 3_003}
    )
    pieces: int = 32_000
    vocabulary_bytes: int = 10_000_000  # of text to train it on
    longest: int = 256  # tokens a side; longer pairs are stored, but not read by the loader
    lines_per_part: int = 200_000

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Missing files, and files of two languages with different numbers of lines."""
        problems = []
        for *names, archive in _all_files():
            paths = [_find(source, name) for name in names]
            missing = [name for name, path in zip(names, paths, strict=True) if path is None]
            problems += [
                Problem(
                    path=name, expected="text, a sentence a line", advice=f"Unpack it from {archive} of statmt.org."
                )
                for name in missing
            ]
            if missing:
                continue
            lines = [_count(path) for path in paths if path is not None]
            say(f"wmt: {lines[0]:,} lines of {names[0]}")
            if lines[0] != lines[1]:
                found, advice = f"{lines[1]:,}", f"One of the two is cut off: unpack both from {archive} again."
                problems.append(
                    Problem(path=names[1], expected=f"{lines[0]:,} lines as {names[0]}", found=found, advice=advice)
                )
        return problems

    def parts(self, source: Path) -> list[Part]:
        """The vocabulary; then runs of lines of each text; then some of training to evaluate it on."""
        parts = [Part(name="sentencepiece", split="vocabulary")]
        for name in _TRAINING:
            lines = _count(_found(source, f"{name}.de"))
            for first in range(0, lines, self.lines_per_part):
                job = f"{name}.de", f"{name}.en", first, first + self.lines_per_part
                parts.append(Part(name=f"{name}-{first:09}", split="train", stage=1, job=job))
        for split, (german, english, _) in _HELD_OUT.items():
            parts.append(Part(name=split, split=split, stage=1, job=(german, english, 0, None)))
        return [*parts, Part(name="eval_train", split="eval_train", stage=2, examples=self.counts["eval_train"])]

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        if part.split == "vocabulary":
            model = train_vocabulary(itertools.chain.from_iterable(self._some_pairs(source)), self.pieces)
            (folder / "sentencepiece.model").write_bytes(model)
            return 0
        if part.split == "eval_train":
            tokens = self._some_of_training(prepared / "train")
        else:
            german, english, first, last = part.job
            pairs = _pairs(_found(source, german), _found(source, english), first, last)
            model = (prepared / "vocabulary" / "sentencepiece.model").read_bytes()
            tokens = list(token_pairs(model, pairs, _LONGEST_SIDE))
        for stem, array in split_arrays(tokens).items():
            np.save(folder / f"{part.name}.{stem}.npy", array, allow_pickle=False)
        return len(tokens)

    def _some_pairs(self, source: Path) -> Iterator[_Texts]:
        """Pairs of training at equal distances, about as many bytes as a vocabulary is trained on."""
        files = [(_found(source, f"{name}.de"), _found(source, f"{name}.en")) for name in _TRAINING]
        total = sum(path.stat().st_size for pair in files for path in pair)
        every = max(1, total // self.vocabulary_bytes)
        return itertools.islice(itertools.chain.from_iterable(_pairs(*pair) for pair in files), 0, None, every)

    def _some_of_training(self, train: Path) -> list[TokenPair]:
        """Pairs of the finished training split at equal distances, none too long to be read."""
        pairs, wanted = Pairs.load(train, self.longest), self.counts["eval_train"]
        chosen = np.arange(wanted) * len(pairs) // wanted
        return [(pairs.sequence("inputs", number), pairs.sequence("targets", number)) for number in chosen.tolist()]


def _all_files() -> Iterator[tuple[str, str, str]]:
    for name, archive in _TRAINING.items():
        yield f"{name}.de", f"{name}.en", archive
    yield from _HELD_OUT.values()


def _find(source: Path, name: str) -> Path | None:
    """Archives unpack into the folder itself or into `training`, `dev` and the like."""
    return next((path for path in (source / name, *sorted(source.glob(f"*/{name}"))) if path.is_file()), None)


def _found(source: Path, name: str) -> Path:
    path = _find(source, name)
    if path is None:
        raise DataDamaged(f"{source / name} is gone: put it back and prepare again")
    return path


def _lines(path: Path) -> Iterator[bytes]:
    """What the file says, a sentence each. Only a newline ends one: the texts hold other separators inside of them."""
    with path.open("rb") as file:
        if path.suffix == ".sgm":
            yield from (match[1] for match in map(_SEGMENT.match, file) if match)
        else:
            yield from (line.rstrip(b"\n") for line in file)


def _count(path: Path) -> int:
    return sum(1 for _ in _lines(path))


def _pairs(german: Path, english: Path, first: int = 0, last: int | None = None) -> Iterator[_Texts]:
    """Both languages of the lines from `first` to before `last`, without pairs of which a side is empty.

    Raises:
        DataDamaged: a line is not UTF-8.
    """
    both = itertools.islice(zip(_lines(german), _lines(english), strict=False), first, last)
    for number, lines in enumerate(both, start=first + 1):
        if not all(lines):
            continue
        try:
            yield lines[0].decode(), lines[1].decode()
        except UnicodeDecodeError as error:
            raise DataDamaged(
                f"sentence {number} of {german} or {english.name} is not UTF-8: unpack both again"
            ) from error


PREPARER = Wmt()
