"""The import surface against the published signatures, name by name; what is left out has its reason here."""

from __future__ import annotations

import importlib
import inspect
import json
from types import SimpleNamespace

import pytest

from workloads import api, registry
from workloads.compatibility import install
from workloads.loop import _Loop
from workloads.view import WorkloadView

# Members of the workload that no submission can have in a sandbox.
WITHOUT = {
    "__init__": "the harness makes the workload",
    "_build_input_queue": "the protocol forbids it to submissions",
    "attach_metrics_logger": "only the harness attaches a logger, and logging on the scored clock is off",
    "eval_model": "the data it needs is with the judge",
    "_eval_model_on_split": "the data it needs is with the judge",
    "eval_num_workers": "set by the harness only",
}
# Helpers that belong to the reference's own harness or data pipelines; no real submission imports them.
HARNESS_ONLY = {
    "pytorch_utils": {"pytorch_init"},
    "data_utils": {"DistributedEvalSampler", "cycle", "PrefetchedWrapper"},
    "halton": {
        "generate_primes",
        "generate_sequence",
        "discrete",
        "interval",
        "loguniform",
        "uniform",
        "product",
        "sweep",
        "zipit",
    },
}


@pytest.fixture(scope="module")
def facts(shared):
    install()
    return json.loads((shared / "spec" / "api_signatures.json").read_text())


@pytest.fixture(scope="module")
def view():
    spec = registry.get("ogbg")
    return WorkloadView(registry.load(spec, "pytorch")(spec))


def names(parameters):
    return [parameter["name"] for parameter in parameters]


def test_functions_enums_and_aliases_are_the_published_ones(facts):
    for package in ("algoperf", "algorithmic_efficiency"):
        spec = importlib.import_module(f"{package}.spec")
        for name, members in facts["enums"].items():
            assert {member.name: member.value for member in getattr(spec, name)} == {
                member["name"]: member["value"] for member in members
            }
        assert not [name for name in facts["type_aliases"] if not hasattr(spec, name)]
        assert not [entry["name"] for entry in facts["classes"] if not hasattr(spec, entry["name"])]
        assert issubclass(spec.TrainingCompleteError, Exception)
        assert spec.ShapeTuple((2, 3)).shape_tuple == (2, 3)
    for function in facts["submission_functions"]:
        if function["name"] != "get_eval_batch_size":  # the rules forbid it
            assert list(api.SUBMISSION_FUNCTIONS[function["name"]]) == names(function["parameters"])


def test_every_member_of_the_workload_is_there_or_has_a_reason(facts):
    for member in facts["workload_members"]:
        assert (member["name"] in api.WORKLOAD_MEMBERS) != (member["name"] in WITHOUT), member["name"]


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_methods_of_the_workload_take_the_published_parameters(facts, framework):
    spec = registry.get("ogbg")
    workload = registry.load(spec, framework)(spec)
    for member in facts["workload_members"]:
        if member["kind"] == "method" and member["name"] in api.WORKLOAD_MEMBERS:
            parameters = inspect.signature(getattr(workload, member["name"])).parameters
            assert list(parameters)[: len(member["parameters"])] == names(member["parameters"]), member["name"]


def test_properties_of_the_workload_can_be_read(facts, view):
    before_a_model = {"param_shapes", "model_params_types"}
    for member in facts["workload_members"]:
        if member["kind"] != "property" or member["name"] not in api.WORKLOAD_MEMBERS:
            continue
        if member["name"] in before_a_model:
            with pytest.raises(ValueError):
                getattr(view, member["name"])
        elif member["name"] in ("train_mean", "train_stddev"):
            with pytest.raises(NotImplementedError):
                getattr(view, member["name"])
        else:
            assert getattr(view, member["name"]) is not None


def test_the_oldest_generation_may_name_dropout_rates_for_a_new_model(facts, view):
    published = facts["v0.5_parameter_overrides"]["init_model_fn"]
    assert list(inspect.signature(view.init_model_fn).parameters) == names(published)


def test_every_helper_is_there_or_belongs_to_the_harness(facts):
    missing = []
    for module_name, entry in facts["helper_modules"].items():
        if module_name == "spec":
            continue
        module = importlib.import_module(f"algoperf.{module_name}")
        for export in entry["exports"]:
            if export["name"] in HARNESS_ONLY.get(module_name, ()):
                assert not hasattr(module, export["name"])
                continue
            found = getattr(module, export["name"], None)
            if found is None:
                missing.append(f"{module_name}.{export['name']}")
            elif export["kind"] == "function":
                assert list(inspect.signature(found).parameters) == names(export["parameters"]), export["name"]
    assert missing == []


def test_the_bookkeeping_has_the_published_keys(facts):
    trial = SimpleNamespace(submission=SimpleNamespace(wants_train_state=True))
    bookkeeping = _Loop(trial, None, None).train_state  # type: ignore[arg-type]
    assert list(bookkeeping) == names(facts["train_state_keys"])
    for key in facts["train_state_keys"]:
        if key["initial"] is not None:
            assert bookkeeping[key["name"]] == key["initial"]
