"""LibreOffice's help pages as pairs of German and English sentences, tokenised.

The pages of both languages have the same paragraphs under the same ids. Paragraphs with as many sentences in one
language as in the other are cut into these; short ones of plain letters remain, each pair once. Whole pages are held
apart for validation and test, and no sentence of either language is in two of the splits.
"""

from __future__ import annotations

import html
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from workloads.data_build.debian import read_folder
from workloads.data_build.sources import Tree
from workloads.data_prepare.pieces import split_arrays, token_pairs, train_vocabulary

_PARAGRAPH = re.compile(r'<(p|h[1-6]) id="([^"]+)"[^>]*>(.*?)</\1>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-ZÄÖÜ])")
_PLAIN = re.compile(r"[A-Za-zÄÖÜäöüß0-9 ,.:;'’\"“”„()/%–-]+")

COUNTS = {"eval_train": 112, "validation": 112, "test": 112}  # training: all that is left
WORDS = range(2, 13)
PIECES = 1_000
MAX_TOKENS = 32  # of either side, its end included
KNOWN = 25  # how often every word of a sentence held apart occurs in training, at least


class Pair(NamedTuple):
    """A sentence in both languages."""

    german: str
    english: str


def build(german: Path, english: Path) -> Tree:
    """The splits and the vocabulary, from Debian's packages of the help in both languages."""
    splits = _splits(_pages(german, "de"), _pages(english, "en-US"))
    vocabulary = train_vocabulary((text for pair in splits["train"] for text in pair), PIECES)
    tokens = {split: list(token_pairs(vocabulary, pairs, MAX_TOKENS)) for split, pairs in splits.items()}
    arrays = {split: split_arrays(pairs[: COUNTS.get(split)]) for split, pairs in tokens.items()}
    return {**arrays, "vocabulary": {"sentencepiece.model": vocabulary}}


def _pages(package: Path, language: str) -> dict[str, dict[str, str]]:
    """Name of a page -> id -> text of its paragraph; pages in the order of their names."""
    files = read_folder(package, f"usr/share/libreoffice/help/{language}/text")
    return {name: _paragraphs(page.decode()) for name, page in files.items() if name.endswith(".html")}


def _paragraphs(page: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, name, content in _PARAGRAPH.findall(page):
        found.setdefault(name, " ".join(html.unescape(_TAG.sub("", content)).split()))
    return found


def _splits(german: Mapping[str, Mapping[str, str]], english: Mapping[str, Mapping[str, str]]) -> dict[str, list[Pair]]:
    """Training is everything on its pages; of the others' sentences remain those of words that it knows well."""
    pairs: dict[str, list[Pair]] = {"train": [], "validation": [], "test": []}
    seen: set[str] = set()
    for split in pairs:  # what training holds is taken out of the others
        for name in (name for name in german if name in english and _split_of(name) == split):
            for pair in _sentences(german[name], english[name]):
                if seen.isdisjoint(pair):
                    pairs[split].append(pair)
        seen.update(text for pair in pairs[split] for text in pair)
        pairs[split] = _shuffled(dict.fromkeys(pairs[split]))
    counts = Counter(word for pair in pairs["train"] for word in _words(pair))
    easy = {split: [pair for pair in found if _is_known(pair, counts)] for split, found in pairs.items()}
    return {**easy, "train": pairs["train"], "eval_train": easy["train"]}


def _is_known(pair: Pair, counts: Mapping[tuple[int, str], int]) -> bool:
    return all(counts[word] >= KNOWN for word in _words(pair))


def _split_of(page: str) -> str:
    """By a hash of the page's name: a fifth of the pages for validation, a fifth for test."""
    return {0: "validation", 1: "test"}.get(zlib.crc32(page.encode()) % 5, "train")


def _sentences(german: Mapping[str, str], english: Mapping[str, str]) -> Iterable[Pair]:
    for name in german:
        if name not in english:
            continue
        sides = _SENTENCE_END.split(german[name]), _SENTENCE_END.split(english[name])
        if len(sides[0]) == len(sides[1]):
            yield from (Pair(*texts) for texts in zip(*sides, strict=True) if _is_short_and_plain(Pair(*texts)))


def _is_short_and_plain(pair: Pair) -> bool:
    return pair.german != pair.english and all(
        _PLAIN.fullmatch(text) is not None and len(text.split()) in WORDS for text in pair
    )


def _words(pair: Pair) -> set[tuple[int, str]]:
    """The words of both sides, each with its side."""
    return {(side, word) for side, text in enumerate(pair) for word in re.findall(r"\w+", text)}


def _shuffled(pairs: Iterable[Pair]) -> list[Pair]:
    """In the order of a hash, since training shuffles only nearby pairs and pages repeat themselves."""
    return sorted(pairs, key=lambda pair: (zlib.crc32("\t".join(pair).encode()), pair))
