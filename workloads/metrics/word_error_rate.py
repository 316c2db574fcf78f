"""Word error rate, in the benchmark's unit and as textbooks have it.

The benchmark's targets are in a unit of their own. It splits into words not the text but what Python prints of the
TensorFlow tensor that holds it, `tf.Tensor(b'HELLO WORLD', shape=(), dtype=string)`. So every utterance has two more
words, which are always right, and the first and the last word carry decorations that change with their place and with
apostrophes. Here the same strings are made without TensorFlow. Source: AlgoPerf, LibriSpeech metric; checked against
its golden rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workloads.metrics.ctc_decoding import ctc_loss, greedy_decode


class WordErrorRate:
    """Errors by reference words over a whole split, after greedy decoding; and the loss by reference token."""

    def __init__(self, data: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        from workloads.metrics import VOCABULARY

        self.num_examples = 0
        self._vocabulary = SentencePieceProcessor(model_file=str(data / VOCABULARY))
        self._errors = self._words = self._true_errors = self._true_words = 0
        self._loss = self._tokens = 0.0

    def update(self, outputs: tuple[np.ndarray, np.ndarray], batch: Mapping[str, Any]) -> None:
        """Adds a batch.

        Args:
            outputs: logits (B, frames, vocabulary) and their paddings (B, frames).
            batch: targets as a pair of tokens (B, tokens) and their paddings; weights (B,), 0 where a row only pads.
        """
        rows = np.flatnonzero(batch["weights"])
        logits, paddings = (part[rows] for part in outputs)
        tokens, token_paddings = (part[rows] for part in batch["targets"])
        self.num_examples += len(rows)
        if not len(rows):
            return
        self._loss += float(ctc_loss(logits, paddings, tokens, token_paddings).sum())
        self._tokens += float(np.sum(token_paddings == 0))
        for decoded, target, padded in zip(greedy_decode(logits, paddings), tokens, token_paddings, strict=True):
            self._add(self._text(decoded), self._text(target[padded == 0]))

    def compute(self) -> dict[str, float]:
        """`wer` in the benchmark's unit, `true_wer` as in textbooks, and `ctc_loss` by token."""
        return {
            "ctc_loss": self._loss / max(1.0, self._tokens),
            "true_wer": self._true_errors / max(1, self._true_words),
            "wer": self._errors / max(1, self._words),
        }

    def _add(self, hypothesis: str, reference: str) -> None:
        words, true_words = as_scored(reference).split(), reference.split()
        self._errors += edit_distance(as_scored(hypothesis).split(), words)
        self._words += len(words)
        self._true_errors += edit_distance(hypothesis.split(), true_words)
        self._true_words += len(true_words)

    def _text(self, tokens: np.ndarray) -> str:
        text: str = self._vocabulary.decode(tokens.astype(int).tolist())
        return text


def as_scored(text: str) -> str:
    """What the benchmark splits into words: its bytes as Python writes them, inside a printed tensor."""
    return f"tf.Tensor({text.encode()!r}, shape=(), dtype=string)"


def edit_distance(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Fewest words to insert, delete or replace to make one sequence of the other.

    Source: Wagner and Fischer 1974; a row at a time, insertions by a running minimum.
    """
    numbers = {word: number for number, word in enumerate({*hypothesis, *reference})}
    columns = np.array([numbers[word] for word in reference], dtype=np.int64)
    steps = np.arange(len(reference) + 1)
    row = steps
    for word in hypothesis:
        best = row + 1
        best[1:] = np.minimum(best[1:], row[:-1] + (columns != numbers[word]))
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])
