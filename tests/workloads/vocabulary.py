"""A small SentencePiece vocabulary where the judge looks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from workloads.metrics import VOCABULARY


def write_vocabulary(folder: Path, words: Sequence[str], pieces: int = 40) -> Path:
    """Trains at most so many pieces on the words in all orders of a ring; the end is piece 2, unknown is 0."""
    (folder / VOCABULARY).parent.mkdir()
    sentences = [" ".join(np.roll(words, shift)) for shift in range(len(words))] * 4
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str((folder / VOCABULARY).with_suffix("")),
        vocab_size=pieces,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return folder
