"""Texts as tokens of a SentencePiece vocabulary that is trained on them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from workloads.errors import DataDamaged

END = 2  # the end of a sequence; unknown characters are 0, which no sequence should hold
_SCORE_DIGITS = 4
# Tokens of one side and of the other; as arrays they take little memory.
_Tokens = Sequence[int] | np.ndarray
TokenPair = tuple[_Tokens, _Tokens]
# In a serialised model the pieces are field 1, and a piece's score is its field 2, four bytes.
_PIECES, _SCORE = (1, 2), (2, 5)


def train_vocabulary(texts: Iterable[str], pieces: int) -> bytes:
    """A unigram model of that many pieces, all characters of the texts among them; the same bytes on every machine.

    Training sums logarithms, whose last digits differ between processors; so the scores are rounded.

    Raises:
        DataDamaged: the texts are too few for that many pieces, or have too many different characters.
    Source: AlgoPerf workloads, wmt, "Data": unigram, character coverage 1.
    """
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            vocab_size=pieces,
            model_type="unigram",
            character_coverage=1.0,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise DataDamaged(f"no vocabulary of {pieces:,} pieces comes out of these texts: {error}") from error
    return rounded_scores(model.getvalue())


def tokeniser(model: bytes) -> SentencePieceProcessor:
    """What cuts texts into the pieces of a model."""
    return SentencePieceProcessor(model_proto=model)


def rounded_scores(model: bytes) -> bytes:
    """A serialised SentencePiece model with the scores of its pieces rounded to a few decimals."""
    content = bytearray(model)
    for field, start, end in _fields(content, 0, len(content)):
        if field != _PIECES:
            continue
        for inner, first, last in _fields(content, start, end):
            if inner == _SCORE:
                (score,) = struct.unpack("<f", content[first:last])
                content[first:last] = struct.pack("<f", round(score, _SCORE_DIGITS))
    return bytes(content)


def _fields(content: bytes | bytearray, start: int, end: int) -> Iterator[tuple[tuple[int, int], int, int]]:
    """((number, kind), start, end) of every field of a message of Protocol Buffers; start and end are its value's."""
    sizes = {1: 8, 5: 4}
    while start < end:
        tag, start = _number(content, start)
        kind = tag & 7
        if kind == 0:
            _, last = _number(content, start)
        elif kind == 2:
            size, start = _number(content, start)
            last = start + size
        else:
            last = start + sizes[kind]
        yield (tag >> 3, kind), start, last
        start = last


def _number(content: bytes | bytearray, start: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = content[start]
        value, shift, start = value | (byte & 127) << shift, shift + 7, start + 1
        if byte < 128:
            return value, start


def token_pairs(model: bytes, pairs: Iterable[tuple[str, str]], longest: int) -> Iterator[TokenPair]:
    """Both sides of every pair as tokens, each with its end token; pairs with a side longer than that are left out."""
    cut = tokeniser(model)
    for pair in pairs:
        inputs, targets = (np.array([*cut.encode(text), END], np.uint16) for text in pair)
        if max(len(inputs), len(targets)) <= longest:
            yield inputs, targets


def split_arrays(pairs: Sequence[TokenPair]) -> dict[str, np.ndarray]:
    """The arrays of a split of the wmt dataset, file stem -> array (`workloads.datasets.wmt`)."""
    arrays = {}
    for side, name in enumerate(("inputs", "targets")):
        tokens = [np.asarray(pair[side], np.uint16) for pair in pairs]
        arrays[name] = np.concatenate([*tokens, np.empty(0, np.uint16)])
        arrays[f"{name}_length"] = np.array([len(sequence) for sequence in tokens], np.uint16)
    return arrays
