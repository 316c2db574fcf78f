"""Search spaces: the golden points, the partition over studies, and a sentence for every malformed shape."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from workloads import halton
from workloads.api import SearchSpaceError, parse_search_space, sample

FIVE = [0.28612427728381884, 0.8300193327833143, 0.36079632571974196, 0.47482256184486826, 0.87441892915062]
LINEAR = {"learning_rate": {"min": 0, "max": 1, "scaling": "linear"}}


def golden() -> dict[str, Any]:
    shared = Path(os.environ.get("ALGOPERF_SHARED", Path(__file__).parents[3] / "shared"))
    path = shared / "data" / "reference_vectors" / "halton" / "halton.json"
    if not path.exists():
        pytest.skip("the reference vectors are not here; set ALGOPERF_SHARED")
    return json.loads(path.read_text())


def test_a_single_range_gives_the_published_points():
    assert [point["learning_rate"] for point in sample(parse_search_space(LINEAR), 5, 0)] == FIVE


def test_every_golden_space_is_sampled_exactly():
    document = golden()
    for key, expected in document["unordered_sets"].items():
        name, count = key.split("/")
        points = sample(parse_search_space(document["spaces"][name]), int(count), 0)
        for point, values in zip(points, expected, strict=True):
            assert [type(value) for value in point.values()] == [type(value) for value in values]
            for value, number in zip(point.values(), values, strict=True):
                assert value == (pytest.approx(number, rel=1e-15) if isinstance(number, float) else number), key


def test_raw_points_equal_the_reference():
    for dimensions, expected in golden()["raw_points"].items():
        assert halton.bases(int(dimensions)) == expected["bases"]
        points = [tuple(point) for point in expected["unshuffled"]]
        assert halton.points(int(dimensions), len(points)) == points


def test_golden_lists_are_cut_and_never_shuffled():
    document = golden()
    space = parse_search_space(document["list_space_points"])
    for count, expected in document["list_spaces"].items():
        assert [list(point.values()) for point in sample(space, int(count), 0)] == expected


def test_studies_share_out_one_sequence():
    space = parse_search_space(LINEAR)
    studies = [sample(space, 5, study) for study in range(3)]
    assert studies[0] + studies[1] + studies[2] == sample(space, 15, 0)


def test_sampling_twice_gives_the_same_points():
    space = parse_search_space(LINEAR)
    assert sample(space, 5, 2) == sample(space, 5, 2)


def test_a_list_keeps_order_and_types_in_every_study():
    points = [{"a": 1, "b": True, "c": None}, {"a": 0.5, "b": False, "c": "x"}]
    space = parse_search_space(points)
    assert sample(space, 5, 0) == sample(space, 5, 2) == points
    assert [type(value) for value in sample(space, 1, 0)[0].values()] == [int, bool, type(None)]


def test_a_list_longer_than_the_study_is_cut():
    space = parse_search_space([{"a": number} for number in range(9)])
    assert [point["a"] for point in sample(space, 5, 1)] == [0, 1, 2, 3, 4]


def test_keys_of_later_points_are_put_into_the_order_of_the_first():
    space = parse_search_space([{"a": 1, "b": 2}, {"b": 4, "a": 3}])
    assert [list(point) for point in sample(space, 5, 0)] == [["a", "b"], ["a", "b"]]


def test_a_constant_range_is_allowed():
    space = parse_search_space({"a": {"min": 2, "max": 2, "scaling": "log"}})
    assert [point["a"] for point in sample(space, 3, 0)] == [2.0, 2.0, 2.0]


def test_more_dimensions_than_primes_below_a_thousand_use_a_larger_limit():
    bases = halton.bases(170)
    assert len(bases) == len(set(bases)) == 170
    assert bases[-1] == 1997


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (3, "this is a number"),
        (None, "this is null"),
        ("lr", "this is a text"),
        ([], "list of points is empty"),
        ({}, "has no hyperparameters"),
        ([{}], "Point 1 has no hyperparameters"),
        ([{"a": 1}, 2], "Point 2 is a number"),
        ([{"a": 1}, {"b": 1}], 'Point 2 lacks "a" and adds "b"'),
        ([{"a": 1}, {"a": 1, "b": 1}], 'Point 2 adds "b"'),
        ([{"a": [1]}], 'value of "a" in point 1 is a list'),
        ([{"a": {"x": 1}}], "is an object"),
        ([{"a": float("nan")}], "not a finite number"),
        ([{"a": 10**30}], "64 bits"),
        ([{"a": "x" * 201}], "201 characters"),
        ([{"class": 1}], 'named "class"'),
        ([{"_a": 1}], "underscore"),
        ([{"a b": 1}], "Python identifier"),
        ([{"\ufb01": 1}], "ASCII letters"),  # one letter that looks like two, and is two to Python
        ([{"a": "\U0001f600"}], "printable ASCII"),
        ([{"a": "one\x00"}], "printable ASCII"),
        ([{"a": 1}] * 1001, "1001 points"),
        ({f"a{number}": {"feasible_points": [1]} for number in range(101)}, "101 hyperparameters"),
        ({"a": 3}, '"a" is a number'),
        ({"a": {}}, '"a" lacks "max", "min", "scaling"'),
        ({"a": {"min": 1, "max": 2}}, 'lacks "scaling"'),
        ({"a": {"min": 1, "max": 2, "scaling": "cubic"}}, '"linear" or "log"'),
        ({"a": {"min": 1, "max": 2, "scaling": ["log"]}}, '"linear" or "log"'),
        ({"a": {"min": 3, "max": 2, "scaling": "linear"}}, "greater than its"),
        ({"a": {"min": 0, "max": 2, "scaling": "log"}}, "greater than 0"),
        ({"a": {"min": "1", "max": 2, "scaling": "log"}}, '"min" of "a" is a text'),
        ({"a": {"min": 1, "max": True, "scaling": "log"}}, '"max" of "a" is true or false'),
        ({"a": {"min": 1, "max": float("inf"), "scaling": "log"}}, "not a finite number"),
        ({"a": {"min": -1.7e308, "max": 1.7e308, "scaling": "linear"}}, "too wide"),
        ({"a": {"feasible_points": 0.1}}, "list with at least one value"),
        ({"a": {"feasible_points": []}}, "list with at least one value"),
        ({"a": {"feasible_points": [[1]]}}, 'Feasible point 1 of "a" is a list'),
        ({"a": {"feasible_points": [1], "min": 0}}, 'as well as "min"'),
    ],
)
def test_a_malformed_space_is_refused_with_a_sentence(document: Any, sentence: str):
    with pytest.raises(SearchSpaceError) as caught:
        parse_search_space(document)
    assert sentence in str(caught.value)


def test_zero_trials_are_a_programming_error():
    with pytest.raises(ValueError, match="at least 1"):
        sample(parse_search_space(LINEAR), 0, 0)
