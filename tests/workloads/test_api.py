"""The submission API's words: enum values, shapes, keys; importable without a framework."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workloads import api


def shared(*parts: str) -> dict[str, Any]:
    root = Path(os.environ.get("ALGOPERF_SHARED", Path(__file__).parents[3] / "shared"))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip("the shared facts are not here; set ALGOPERF_SHARED")
    return json.loads(path.read_text())


def test_the_api_loads_without_a_framework():
    program = "import sys, workloads.api; print([name for name in ('torch', 'jax') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_enums_and_functions_are_the_published_ones():
    facts = shared("spec", "api_signatures.json")
    for name, members in facts["enums"].items():
        assert [(member.name, member.value) for member in getattr(api, name)] == [
            (member["name"], member["value"]) for member in members
        ]
    for function in facts["submission_functions"]:
        if function["name"] != "get_eval_batch_size":  # the rules forbid it
            parameters = tuple(parameter["name"] for parameter in function["parameters"])
            assert api.SUBMISSION_FUNCTIONS[function["name"]] == parameters


def test_every_alias_a_submission_may_name_exists():
    facts = shared("spec", "api_signatures.json")
    assert [name for name in facts["type_aliases"] if not hasattr(api, name)] == []


def test_the_view_has_what_submissions_use_and_nothing_that_reads_data():
    assert {"step_hint", "model_fn", "loss_fn", "param_shapes", "metrics_logger"} <= api.WORKLOAD_MEMBERS
    assert not {"_build_input_queue", "eval_model", "_eval_model_on_split"} & api.WORKLOAD_MEMBERS


def test_a_shape_is_equal_by_value_and_unhashable():
    assert api.ShapeTuple((3, 4)) == api.ShapeTuple((3, 4))
    assert repr(api.ShapeTuple((3, 4))) == "ShapeTuple((3, 4))"
    with pytest.raises(TypeError):
        hash(api.ShapeTuple((3, 4)))


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_random_keys_equal_the_reference(framework: str):
    facts = shared("data", "reference_vectors", "halton", "random_utils.json")[framework]
    seeds = {seed: expected for seed, expected in facts.items() if isinstance(expected, dict)}
    assert "0" in seeds
    for seed, expected in seeds.items():
        key = api.prng_key(int(seed), framework)
        assert np.asarray(key).tolist() == expected["PRNGKey"]
        assert np.asarray(api.split(key, 2, framework)).tolist() == expected["split_of_key"]
        if "split_of_key_3" in expected:
            assert np.asarray(api.split(key, 3, framework)).tolist() == expected["split_of_key_3"]
        assert [int(part) for part in api.fold_in(key, 7, framework)] == expected["fold_in_key_7"]


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_a_trial_seed_gives_four_different_keys_every_time(framework: str):
    first, second = api.trial_keys(5, framework), api.trial_keys(5, framework)
    keys = [np.asarray(key).tolist() for key in (first.data, first.optimizer, first.model, first.steps)]
    assert keys == [np.asarray(key).tolist() for key in (second.data, second.optimizer, second.model, second.steps)]
    assert len({tuple(key) for key in keys}) == 4
