"""What is tried when targets are set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workloads import halton
from workloads.targets.search_spaces import ALGORITHMS, points

REFERENCES = Path(__file__).resolve().parents[3] / "algorithms"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_points_are_the_first_of_the_quasirandom_sequence(algorithm: str):
    dimensions = ALGORITHMS[algorithm]
    coordinates = halton.points(len(dimensions), 3)
    rate = dimensions["learning_rate"]

    found = points(algorithm, 3)
    expected = [rate["min"] * (rate["max"] / rate["min"]) ** point[0] for point in coordinates]
    assert [point["learning_rate"] for point in found] == pytest.approx(expected, rel=1e-3)
    assert found == points(algorithm, 6)[:3]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("framework", ["jax", "pytorch"])
def test_points_name_hyperparameters_that_the_reference_algorithm_knows(algorithm: str, framework: str):
    folder = REFERENCES / algorithm / framework
    own = json.loads((folder / "tuning_search_space.json").read_text())[0]
    assert set(points(algorithm, 1)[0]) - {"end_factor"} <= set(own)
