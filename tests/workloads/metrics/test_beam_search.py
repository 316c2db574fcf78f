from __future__ import annotations

import json

import numpy as np
import pytest

from workloads.metrics.beam_search import beam_search, best_sequences
from workloads.vectors.metric_files import Tables, golden_tables


@pytest.mark.parametrize("case", [0, 1])
def test_the_golden_beams_and_scores(case, shared):
    record = json.loads((shared / "data" / "reference_vectors" / "metrics" / "beam_search.json").read_text())
    expected = record["cases"][case]

    sequences, scores = beam_search(Tables(golden_tables()), 6, 12, expected["max_decode_len"])

    np.testing.assert_allclose(scores, expected["scores"], atol=1e-5)
    for row, beams in enumerate(expected["sequences_until_end_id"]):
        for sequence, beam in zip(sequences[row], beams, strict=True):
            assert sequence[: len(beam)].tolist() == beam
    for best, wanted in zip(best_sequences(sequences), expected["best_is_last_beam_without_leading_0"], strict=True):
        assert best[: len(wanted)].tolist() == wanted
