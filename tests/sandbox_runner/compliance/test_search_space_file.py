from __future__ import annotations

import json

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.search_space_file import read_search_space
from workloads.spec import Ruleset

FILE = "tuning_search_space.json"
POINTS = [{"learning_rate": 0.001, "nesterov": True}, {"learning_rate": 0.003, "nesterov": False}]
RANGES = {"learning_rate": {"min": 1e-4, "max": 1e-2, "scaling": "log"}, "beta2": {"feasible_points": [0.9, 0.99]}}


def read(document: object):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_search_space({FILE: content}, Ruleset.EXTERNAL)


@pytest.mark.parametrize("document", [POINTS, RANGES])
def test_both_shapes_are_accepted(document):
    assert read(document) == (document, [])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("learning_rate", "A search space is"),
        ([], "empty"),
        ([{"a": 1}, {"b": 1}], "Point 2"),
        ({"a": 0.1}, '"a" is a number'),
        ({"a": {"min": 1, "max": 2}}, "scaling"),
        ({"a": {"min": 2, "max": 1, "scaling": "linear"}}, "greater"),
        ({"a": {"min": 0, "max": 1, "scaling": "log"}}, "greater than 0"),
        ({"ogbg": {"learning_rate": {"min": 1, "max": 2, "scaling": "log"}}}, "ogbg"),
        ({"_a": {"feasible_points": [1]}}, "identifier"),
        (b'{"a": {"min": 0, "max": 1, "scaling": "linear"}, "a": {"feasible_points": [1]}}', "twice"),
        (b'[{"a": NaN}]', "NaN"),
        (b'[{"a": 1e999}]', "too large"),
        (b"[" * 50_000, "deeply"),
        (json.dumps({f"h{n}": {"feasible_points": [1]} for n in range(5000)}).encode(), "5000 hyperparameters"),
        (b" " * 300_000, "KB"),
        (b"", "not JSON"),
    ],
)
def test_another_shape_is_refused_with_both_examples(document, words):
    space, findings = read(document)
    assert space is None
    assert [finding.verdict for finding in findings] == [Verdict.REJECTED]
    assert words in findings[0].message
    assert '"scaling": "log"' in findings[0].fix


def test_external_tuning_needs_a_search_space():
    space, findings = read_search_space({}, Ruleset.EXTERNAL)
    assert space is None
    assert findings[0].verdict is Verdict.REJECTED
    assert "missing" in findings[0].message


def test_self_tuning_sets_a_search_space_aside_even_a_broken_one():
    space, findings = read_search_space({FILE: b"{"}, Ruleset.SELF_TUNING)
    assert space is None
    assert [finding.verdict for finding in findings] == [Verdict.NOTE]


def test_self_tuning_needs_no_search_space():
    assert read_search_space({}, Ruleset.SELF_TUNING) == (None, [])
