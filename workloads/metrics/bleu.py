"""BLEU of translations, as the benchmark's version of sacrebleu (1.3.1) computes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workloads.metrics.beam_search import END

_ORDERS = 4


class Bleu:
    """Corpus BLEU from 0 to 100 of translations against the detokenised targets; accuracy and loss per target token."""

    def __init__(self, data: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        from workloads.metrics import VOCABULARY

        self.num_examples = 0
        self._vocabulary = SentencePieceProcessor(model_file=str(data / VOCABULARY))
        self._translations: list[str] = []
        self._references: list[str] = []
        self._tokens = self._correct = self._loss = 0.0

    def update(self, outputs: tuple[np.ndarray, np.ndarray, np.ndarray], batch: Mapping[str, Any]) -> None:
        """Adds a batch.

        Args:
            outputs: of the workload's decoder: loss (B, T) and correctness (B, T) of each target token given those
                before it, and translations (B, L).
            batch: targets (B, T) and weights (B, T), 0 where a row is padded.
        """
        loss, correct, translations = outputs
        targets, weights = batch["targets"], batch["weights"]
        self._tokens += float(weights.sum())
        self._correct += float((correct * weights).sum(dtype=np.float64))
        self._loss += float((loss * weights).sum(dtype=np.float64))
        rows = np.flatnonzero(weights.any(axis=1))
        self.num_examples += len(rows)
        self._translations += [self._text(translations[row]) for row in rows]
        self._references += [self._text(targets[row]) for row in rows]

    def compute(self) -> dict[str, float]:
        return {
            "accuracy": self._correct / self._tokens,
            "bleu": corpus_bleu(self._translations, self._references),
            "loss": self._loss / self._tokens,
        }

    def _text(self, tokens: np.ndarray) -> str:
        text: str = self._vocabulary.decode(cut_at_end(tokens).tolist())
        return text


def cut_at_end(tokens: np.ndarray) -> np.ndarray:
    """Tokens (L,) up to the first end token. Without one only the first token stays: the benchmark's rule."""
    return tokens[: int(np.argmax(tokens == END)) + 1]


def corpus_bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of whole texts, 0 to 100: 13a tokens, case counts, one reference each.

    Source: Papineni et al. 2002; Post 2018 (arXiv 1804.08771).
    """
    from sacrebleu.metrics.bleu import BLEU

    counted = BLEU(tokenize="13a").corpus_score(list(translations), [list(references)])
    return score(counted.counts, counted.totals, counted.sys_len, counted.ref_len)


def score(matches: Sequence[int], totals: Sequence[int], length: int, reference_length: int) -> float:
    """BLEU from n-grams that match and n-grams in all, of 1 to 4 tokens, and both lengths in tokens.

    An order without a match counts as half a match, the next one without as a quarter, and so on, even where nothing
    matches at all; sacrebleu has made that 0 since version 2. Without any n-gram of some order the score is 0.
    """
    if len(totals) != _ORDERS or 0 in totals:
        return 0.0
    logarithms, share = [], 1.0
    for matching, total in zip(matches, totals, strict=True):
        share /= 1.0 if matching else 2.0
        logarithms.append(math.log(100.0 * (matching or share) / total))
    brevity = 1.0 if length >= reference_length else math.exp(1 - reference_length / length)
    return brevity * math.exp(sum(logarithms) / _ORDERS)
