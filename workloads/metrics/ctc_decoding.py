"""Reading connectionist temporal classification: the likeliest token of each frame, and what a label costs."""

from __future__ import annotations

import numpy as np

BLANK = 0


def greedy_decode(logits: np.ndarray, paddings: np.ndarray) -> list[np.ndarray]:
    """Each utterance's tokens: the best of each frame, repetitions taken together, blanks left out.

    Args:
        logits: (B, frames, vocabulary); the lowest token wins where several are best.
        paddings: (B, frames), 1 where a frame only pads.
    """
    best = np.where(paddings > 0, BLANK, logits.argmax(axis=-1))
    before = np.pad(best, ((0, 0), (1, 0)), constant_values=BLANK)[:, :-1]
    return [row[(row != BLANK) & (row != last)] for row, last in zip(best, before, strict=True)]


def ctc_loss(logits: np.ndarray, paddings: np.ndarray, tokens: np.ndarray, token_paddings: np.ndarray) -> np.ndarray:
    """(B,) minus the logarithm of the probability of each label, over all ways to lay it along the frames.

    Infinite where a label needs more frames than there are. A row without frames costs 0 when it has no label either.

    Args:
        logits: (B, frames, vocabulary), and `paddings` (B, frames), 1 where a frame only pads.
        tokens: (B, tokens) labels, and their paddings (B, tokens).
    Source: Graves et al. 2006, section 4.1, in logarithms.
    """
    lengths, label_lengths = (np.sum(p == 0, axis=1) for p in (paddings, token_paddings))
    labels = tokens[:, : max(1, label_lengths.max())].astype(np.int64)
    states = np.full((len(labels), 2 * labels.shape[1] + 1), BLANK)  # blanks before, between and behind the tokens
    states[:, 1::2] = labels
    may_skip = np.zeros(states.shape, bool)  # over a blank, to another token than the last
    may_skip[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    scores = _log_softmax_at(logits[:, : max(1, lengths.max())], states)
    alpha = np.full(states.shape, -np.inf)
    alpha[:, 0] = 0.0  # before the first frame; the first token is reached over it
    for frame in range(scores.shape[1]):
        stay, step = alpha, _shifted(alpha, 1)
        skip = np.where(may_skip, _shifted(alpha, 2), -np.inf)
        moved = np.logaddexp(np.logaddexp(stay, step), skip) + scores[:, frame]
        alpha = np.where((frame < lengths)[:, np.newaxis], moved, alpha)
    ends = 2 * label_lengths
    rows = np.arange(len(alpha))
    last_token = np.where(label_lengths > 0, alpha[rows, np.maximum(ends - 1, 0)], -np.inf)
    return np.abs(np.logaddexp(alpha[rows, ends], last_token))


def _shifted(values: np.ndarray, by: int) -> np.ndarray:
    return np.pad(values, ((0, 0), (by, 0)), constant_values=-np.inf)[:, :-by]


def _log_softmax_at(logits: np.ndarray, states: np.ndarray) -> np.ndarray:
    """(B, frames, states) float64: the logarithm of each state's probability; row by row, for the memory's sake."""
    scores = np.empty((*logits.shape[:2], states.shape[1]))
    for row, (frames, state) in enumerate(zip(logits, states, strict=True)):
        wide = frames.astype(np.float64)
        largest = wide.max(axis=-1, keepdims=True)
        normaliser = largest + np.log(np.exp(wide - largest).sum(axis=-1, keepdims=True))
        scores[row] = wide[:, state] - normaliser
    return scores
