from __future__ import annotations

import numpy as np

from workloads.data_prepare.farmhash import fingerprint64, fingerprints_of_8_to_16


def test_an_array_of_short_texts_has_the_fingerprints_of_each():
    texts = np.random.default_rng(0).integers(33, 127, (50, 16), np.uint8)

    for length in range(8, 17):
        found = fingerprints_of_8_to_16(texts[:, :length])

        assert found.tolist() == [fingerprint64(text[:length].tobytes()) for text in texts]
