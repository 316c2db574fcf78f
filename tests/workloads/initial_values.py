"""Is an array drawn from the distribution that a parameter table records of one draw?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest


def assert_drawn_alike(record: Mapping[str, Any], values: np.ndarray) -> None:
    """Mean, deviation and reach as recorded, within what draws of that size vary; constants exactly.

    Args:
        record: a row of `params/*.json`: name, numel and `init` with mean, std, min, max.
    """
    name, init = record["name"], record["init"]
    if init["min"] == init["max"] and record["numel"] > 1:
        assert (values == init["min"]).all(), name
        return
    if record["numel"] < 16:  # too few to say anything but that they are zeros where they should be
        assert (init["min"] == 0) == (float(np.abs(values).max()) == 0), name
        return
    noise = 5 / np.sqrt(values.size)
    assert values.std() == pytest.approx(init["std"], rel=2 * noise), name
    assert values.mean() == pytest.approx(init["mean"], abs=2 * noise * init["std"]), name
    reach, recorded = (np.abs(bounds).max() for bounds in ((values.min(), values.max()), (init["min"], init["max"])))
    if record["numel"] < 500:
        return
    if recorded < 2.6 * init["std"]:  # uniform, or a normal cut at two deviations
        assert reach == pytest.approx(recorded, rel=0.05), name
    else:  # a whole normal
        assert 2.6 * init["std"] < reach < 6 * init["std"], name
