import json

import pytest

from scoring import InvalidTargets
from scoring.axes import Task, read_targets

DOCUMENT = {
    "benchmark_version": "0.5",
    "base_workloads": ["imagenet", "imagenet_vit", "wmt"],
    "held_out_workloads": ["wmt_glu", "imagenet_vit_mup"],
    "workloads": {
        "imagenet": {"target_metric_name": "accuracy", "validation_target_value": 0.77, "step_hint": 1},
        "imagenet_vit": {"target_metric_name": "error_rate", "validation_target_value": 0.22},
        "imagenet_vit_mup": {"target_metric_name": "error_rate", "validation_target_value": 0.23},
        "wmt": {"target_metric_name": "bleu", "validation_target_value": 30},
        "wmt_glu": {"target_metric_name": "bleu", "validation_target_value": 29.5},
        "cifar": {"target_metric_name": "accuracy", "validation_target_value": 0.9},
    },
}


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "targets.json"
        path.write_text(text)
        return read_targets(path, budgets_s={"wmt": 100.0}, studies=5)

    return read_text


def changed(*path, to):
    """The document with one value replaced; None removes it."""
    document = json.loads(json.dumps(DOCUMENT))
    part = document
    for key in path[:-1]:
        part = part[key]
    if to is None:
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return json.dumps(document)


def test_a_targets_file_says_workloads_targets_and_directions(read):
    axes = read(json.dumps(DOCUMENT))
    assert list(axes.base) == ["imagenet", "imagenet_vit", "wmt"]
    assert axes.base["imagenet_vit"] == Task(metric="error_rate", higher_is_better=False, target=0.22)
    assert axes.base["wmt"] == Task(metric="bleu", higher_is_better=True, target=30.0, budget_s=100.0)
    assert (axes.budgets_s, axes.studies) == ({"wmt": 100.0}, 5)


def test_a_variant_belongs_to_the_longest_base_name_it_begins_with(read):
    assert read(json.dumps(DOCUMENT)).held_out == {"wmt_glu": "wmt", "imagenet_vit_mup": "imagenet_vit"}


def test_a_file_may_name_no_held_out_workloads(read):
    assert read(changed("held_out_workloads", to=None)).variants == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "one JSON object"),
        (changed("base_workloads", to=None), "base_workloads names no workload"),
        (changed("base_workloads", to="wmt"), "base_workloads is a list of names"),
        (changed("base_workloads", to=[1]), "base_workloads is a list of names"),
        (changed("base_workloads", to=["wmt", "wmt"]), "each workload once"),
        (changed("held_out_workloads", to=["wmt"]), "each workload once"),
        (changed("held_out_workloads", to=["cifar"]), "cifar begins with the name of no base workload"),
        (changed("workloads", to=None), "workloads is an object"),
        (changed("workloads", "wmt", to=None), "no entry for wmt"),
        (changed("workloads", "wmt", "target_metric_name", to="luck"), "target_metric_name of wmt is 'luck'; known:"),
        (changed("workloads", "wmt", "validation_target_value", to="high"), "is 'high'; it is a finite number"),
        (changed("workloads", "wmt", "validation_target_value", to=True), "it is a finite number"),
        (changed("workloads", "wmt", "validation_target_value", to=float("nan")), "it is a finite number"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_what_to_mend(read, text, message):
    with pytest.raises(InvalidTargets, match=message) as caught:
        read(text)
    assert "targets.json" in str(caught.value)


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(InvalidTargets, match="cannot be read: No such file"):
        read_targets(tmp_path / "absent.json", budgets_s={}, studies=5)


def test_a_large_file_is_no_targets_file(read):
    with pytest.raises(InvalidTargets, match="it is no targets file"):
        read(" " * 2**21)
