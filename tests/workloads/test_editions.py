from __future__ import annotations

import csv
import dataclasses
import importlib
import json
import math

import pytest

from workloads import editions, registry
from workloads.editions.mini import manifest
from workloads.editions.revision import revision
from workloads.errors import UnknownWorkload
from workloads.spec import Ruleset, Split, Target


def test_mini_has_the_rules_that_the_architecture_fixes():
    mini = editions.load("mini")

    assert mini.hardware_class == "cpu2"
    assert mini.studies == {Ruleset.EXTERNAL: 3, Ruleset.SELF_TUNING: 3}
    assert mini.trials == {Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 1}
    assert mini.budget_factor == {Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 1.5}
    assert mini.rules == "documented"
    assert mini.stop_at == (Split.VALIDATION,)
    assert mini.batch_scale
    assert mini.racing
    assert mini.publication == "self"


def test_the_competition_of_2024_and_the_rolling_leaderboard_have_the_rules_that_the_architecture_fixes():
    v05, v06 = editions.load("v0.5"), editions.load("v0.6")

    assert (v05.hardware_class, v06.hardware_class) == ("v100x8", "gpu8")
    assert v05.studies == {Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 5}
    assert v06.studies == {Ruleset.EXTERNAL: 3, Ruleset.SELF_TUNING: 3}
    assert v05.trials == v06.trials == {Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 1}
    assert v05.budget_factor[Ruleset.SELF_TUNING] == 3
    assert v06.budget_factor[Ruleset.SELF_TUNING] == 1.5
    assert v05.rules == v06.rules == "published"
    assert v05.stop_at == v06.stop_at == (Split.VALIDATION, Split.TEST)
    assert [workload.base for workload in v05.held_out] == [
        "criteo1tb", "fastmri", "imagenet_resnet", "librispeech_conformer", "ogbg", "wmt"
    ]  # fmt: skip
    assert v05.held_out_studies == 5
    assert not v06.held_out


def test_only_the_competition_of_2024_is_closed():
    closed = [name for name in editions.names() if not editions.load(name).accepts_submissions]
    assert closed == ["v0.5"]


@pytest.mark.parametrize("name", ["v0.5", "v0.6"])
def test_a_full_size_edition_says_the_numbers_of_the_reference(shared, name):
    facts = json.loads((shared / "spec" / "workloads.json").read_text())["workloads"]
    edition = editions.load(name)

    for spec in (*edition.workloads, *edition.held_out):
        fact = facts[spec.name]
        own = (spec.max_runtime_s, spec.step_hint, spec.eval_period_s, spec.metric.name, spec.num_train_examples)
        assert own == (
            fact["max_runtime_sec"][name],
            fact["step_hint"][name],
            fact["eval_period_sec"],
            fact["metric"],
            fact["examples"]["train"],
        )
        assert spec.metric.higher_is_better == (fact["direction"] == "higher")
        targets = fact["targets"][name]
        assert math.isclose(spec.target.validation, targets["validation"], rel_tol=1e-12)
        assert math.isclose(spec.target.test, targets["test"], rel_tol=1e-12)
        assert edition.budget_s(spec, Ruleset.SELF_TUNING) == fact["max_runtime_sec_self_tuning"][name]


def test_a_scoring_target_is_the_very_number_the_logs_were_scored_with(shared):
    with (shared / "data" / "algoperf" / "targets.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["role"] != "extra"]
    editions_of = {"v05": editions.load("v0.5"), "v06": editions.load("v0.6")}

    for row in rows:
        spec = editions_of[row["leaderboard"][:3]].workload(row["workload"])
        assert spec.target.validation == float(row["scoring_validation_target"])
    assert len(rows) == 14 + 14 + 8 + 8


@pytest.mark.parametrize("spec", editions.load("mini").workloads, ids=lambda spec: spec.name)
def test_a_mini_workload_is_its_full_size_one_with_other_numbers(spec):
    full = registry.get(spec.name)

    assert (spec.base, spec.metric, spec.loss_type) == (full.base, full.metric, full.loss_type)
    assert set(spec.model) >= set(full.model)
    assert spec.num_eval_train_examples < spec.num_train_examples < full.num_train_examples


@pytest.mark.parametrize("spec", editions.load("mini").workloads, ids=lambda spec: spec.name)
def test_the_data_holds_as_many_examples_as_the_edition_declares(spec, mini_data):
    dataset = importlib.import_module(f"workloads.datasets.{spec.dataset}")

    def count(split):
        batches = dataset.eval_batches(mini_data / spec.dataset / split, spec, spec.eval_batch_size)
        # An example is a row of weights that are not all 0.
        return sum(int(batch["weights"].reshape(len(batch["weights"]), -1).any(axis=1).sum()) for batch in batches)

    assert {split: count(split) for split in Split} == {split: spec.num_examples(split) for split in Split}


def test_the_revision_follows_targets_and_data_but_not_budgets():
    mini = editions.load("mini")
    first, *others = (*mini.workloads, *mini.held_out)
    harder = dataclasses.replace(first, target=Target(validation=first.target.validation + 0.01))
    longer = dataclasses.replace(first, max_runtime_s=first.max_runtime_s + 1)
    other_data = json.loads(json.dumps(manifest()))
    other_data["datasets"]["imagenet"]["files"]["train/inputs.npy"]["sha256"] = "0" * 64

    assert mini.revision == revision(manifest(), [first, *others])
    assert mini.revision == revision(manifest(), [longer, *others])
    assert mini.revision != revision(manifest(), [harder, *others])
    assert mini.revision != revision(other_data, [first, *others])


def test_a_held_out_variant_is_found_like_any_other_workload():
    mini = editions.load("mini")
    variant = mini.workload("ogbg").variant("gelu", model={"activation": "gelu"})
    edition = dataclasses.replace(mini, held_out=(variant,))

    assert edition.workload("ogbg_gelu") is variant
    assert registry.load(variant, "pytorch").__module__ == "workloads.ogbg.model_torch"
    with pytest.raises(KeyError, match="edition mini has no workload 'chess'"):
        edition.workload("chess")


@pytest.mark.parametrize("spec", editions.load("mini").held_out, ids=lambda spec: spec.name)
def test_a_held_out_variant_of_mini_is_its_base_with_the_change_of_the_full_size_one(spec):
    def changes(variant, base):
        return {name: value for name, value in variant.model.items() if value != base.model.get(name)}

    base = editions.load("mini").workload(spec.base)

    assert changes(spec, base) == changes(registry.get(spec.name), registry.get(spec.base)) != {}
    assert dataclasses.replace(spec, name=base.name, model=base.model, target=base.target) == base


def test_self_tuning_has_half_as_much_time_again():
    mini = editions.load("mini")
    spec = mini.workloads[0]

    assert mini.budget_s(spec, Ruleset.EXTERNAL) == spec.max_runtime_s
    assert mini.budget_s(spec, Ruleset.SELF_TUNING) == 1.5 * spec.max_runtime_s


def test_an_unknown_edition_is_answered_with_the_known_ones():
    with pytest.raises(UnknownWorkload, match="no edition is called 'v9'; known: mini"):
        editions.load("v9")


def test_the_environment_says_where_data_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("ALGOPERF_DATA", raising=False)
    monkeypatch.setenv("ALGOPERF_STATE", str(tmp_path / "state"))
    assert editions.data_directory("mini") == tmp_path / "state" / "data" / "mini"

    monkeypatch.setenv("ALGOPERF_DATA", str(tmp_path / "elsewhere"))
    assert editions.data_directory("mini") == tmp_path / "elsewhere"
