from __future__ import annotations

import json

import numpy as np
import pytest

from workloads.data_prepare.farmhash import fingerprint64, fingerprints_of_8_to_16


@pytest.fixture(scope="module")
def golden(shared):
    file = shared / "data" / "reference_vectors" / "pipelines" / "criteo1tb.json"
    return {
        record["string"].encode(): int(record["fingerprint64"]) for record in json.loads(file.read_text())["farmhash64"]
    }


def test_fingerprints_of_texts_of_all_lengths_are_the_published_ones(golden, record_property):
    assert {text: fingerprint64(text) for text in golden} == golden
    record_property("golden: fingerprints", len(golden))


def test_an_array_of_short_texts_has_the_fingerprints_of_each():
    texts = np.random.default_rng(0).integers(33, 127, (50, 16), np.uint8)

    for length in range(8, 17):
        found = fingerprints_of_8_to_16(texts[:, :length])

        assert found.tolist() == [fingerprint64(text[:length].tobytes()) for text in texts]
