"""Beam search for the best sequence of tokens, over whatever scores continuations."""

from __future__ import annotations

from typing import Protocol

import numpy as np

BEAMS = 4
END = 2  # the token that ends a sequence
_SCORES = 4_096_000  # held at once: of 32 sentences at full size; logits and caches of more take gigabytes
_ALPHA = 0.6  # how strongly longer sequences are favoured
_NEVER = -1.0e7  # the score of what has not been found; also what an ended sequence loses as a live one


class Score(Protocol):
    """A model that keeps its own state of every live beam."""

    def __call__(
        self, tokens: np.ndarray, parents: np.ndarray, scores: np.ndarray, position: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best 2 * BEAMS continuations of each sentence, best first.

        Args:
            tokens: (B, BEAMS), the last token of each live beam.
            parents: (B, BEAMS), which beam of the step before each one continues.
            scores: (B, BEAMS) float32, log-probability of each live beam so far.
            position: of `tokens` in their sequences; 0 at first.
        Returns:
            log-probabilities (B, 2 * BEAMS) and choices (B, 2 * BEAMS), beam * vocabulary + token.
        """


def beam_search(score: Score, sentences: int, vocabulary: int, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (sentences, BEAMS, max_length) that start with 0, and their scores (sentences, BEAMS), best last.

    Scores are log-probabilities over ((5 + length) / 6) ** 0.6. Where nothing has ended, they are those of live beams.
    The search stops when no live beam of any sentence can overtake its worst ended one.
    Source: Wu et al. 2016 (arXiv 1609.08144), equation 14; AlgoPerf workloads, "BLEU".
    """
    shape = (sentences, BEAMS)
    live, live_scores = np.zeros((*shape, max_length), np.int64), np.full(shape, _NEVER, np.float32)
    live_scores[:, 0] = 0.0  # all beams start alike, so only one of them counts
    ended, ended_scores = live.copy(), np.full(shape, _NEVER, np.float32)
    has_ended: np.ndarray = np.zeros(shape, bool)
    parents = np.tile(np.arange(BEAMS), (sentences, 1))
    for position in range(max_length - 1):
        if _is_decided(live_scores, ended_scores, has_ended, max_length):
            break
        values, choices = score(live[:, :, position], parents, live_scores, position)
        beams, tokens = np.divmod(choices, vocabulary)
        candidates = _rows(live, beams)
        candidates[:, :, position + 1] = tokens
        ends = tokens == END
        best = _best(values + np.where(ends, _NEVER, 0.0))
        live, live_scores, parents = _rows(candidates, best), _rows(values, best), _rows(beams, best)
        live_scores = live_scores + np.where(_rows(ends, best), np.float32(_NEVER), np.float32(0))
        ended_scores = np.concatenate(
            [ended_scores, values / _penalty(position + 1) + np.where(ends, 0.0, _NEVER)], axis=1
        )
        best = _best(ended_scores)
        ended_scores = _rows(ended_scores, best).astype(np.float32)
        ended = _rows(np.concatenate([ended, candidates], axis=1), best)
        has_ended = _rows(np.concatenate([has_ended, ends], axis=1), best)
    found = np.any(has_ended, axis=1)
    return np.where(found[:, None, None], ended, live), np.where(found[:, None], ended_scores, live_scores)


def sentences_at_once(vocabulary: int) -> int:
    """How many sentences a decoder translates together, so that small vocabularies do not wait for many small steps."""
    return max(1, _SCORES // (BEAMS * vocabulary))


def best_sequences(sequences: np.ndarray) -> np.ndarray:
    """The best one of each sentence, without the 0 in front: (sentences, max_length - 1)."""
    return sequences[:, -1, 1:]


def _is_decided(live_scores: np.ndarray, ended_scores: np.ndarray, has_ended: np.ndarray, max_length: int) -> bool:
    best_live = live_scores[:, -1] / _penalty(max_length)
    return bool(has_ended.all() and (ended_scores.min(axis=1) > best_live).all())


def _penalty(length: int) -> float:
    return float(((5.0 + length) / 6.0) ** _ALPHA)


def _best(scores: np.ndarray) -> np.ndarray:
    """Indices (B, BEAMS) of the largest scores, the largest last; of equal ones the first is larger."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :BEAMS][:, ::-1]


def _rows(values: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Beams of each sentence: values (B, beams, ...), indices (B, n)."""
    return values[np.arange(len(values))[:, np.newaxis], indices]
