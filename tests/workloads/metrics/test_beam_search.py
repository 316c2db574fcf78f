from __future__ import annotations

import json

import numpy as np
import pytest

from workloads.metrics.beam_search import BEAMS, END, beam_search, best_sequences
from workloads.vectors.generator import numbers

VOCABULARY = 12


class Tables:
    """Scores by table: what a token is worth depends on its position and the token before."""

    def __init__(self, tables):
        self.tables = tables - np.log(np.exp(tables).sum(axis=-1, keepdims=True))  # (B, positions, before, vocabulary)

    def __call__(self, tokens, parents, scores, position):
        found = self.tables[np.arange(len(tokens))[:, None], position, tokens] + scores[..., None]
        order = np.argsort(-found.reshape(len(tokens), -1), axis=1, kind="stable")[:, : 2 * BEAMS]
        return np.take_along_axis(found.reshape(len(tokens), -1), order, axis=1).astype(np.float32), order


def golden_tables():
    tables = [3 * numbers(f"beam/table{row}", 16 * 144).reshape(16, 12, 12).astype(np.float32) for row in range(6)]
    for table, more in zip(tables, [0, 1.5, -30, 2.5, 0.5, 1], strict=True):
        table[:, :, END] += np.float32(more)
        table[0, :, END] = -9
    return np.stack(tables)


@pytest.mark.parametrize("case", [0, 1])
def test_the_golden_beams_and_scores(case, shared):
    record = json.loads((shared / "data" / "reference_vectors" / "metrics" / "beam_search.json").read_text())
    expected = record["cases"][case]

    sequences, scores = beam_search(Tables(golden_tables()), 6, VOCABULARY, expected["max_decode_len"])

    np.testing.assert_allclose(scores, expected["scores"], atol=1e-5)
    for row, beams in enumerate(expected["sequences_until_end_id"]):
        for sequence, beam in zip(sequences[row], beams, strict=True):
            assert sequence[: len(beam)].tolist() == beam
    for best, wanted in zip(best_sequences(sequences), expected["best_is_last_beam_without_leading_0"], strict=True):
        assert best[: len(wanted)].tolist() == wanted
