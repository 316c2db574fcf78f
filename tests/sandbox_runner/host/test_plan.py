"""What a trainer container is given says nothing about which workload it is."""

import dataclasses

import pytest

from sandbox_runner.host import plan as plans
from sandbox_runner.host.hardware import HARDWARE_CLASSES
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.protocol import TrialSpec
from workloads import editions, registry
from workloads.spec import Framework, Split

EDITION = editions.load("mini")


def make_plan(workload, framework, data):
    spec = TrialSpec(
        attempt="attempt",
        edition="mini",
        revision="r1",
        ruleset="external",
        framework=framework,
        workload=workload.name,
        study=1,
        trial=1,
        seed=3,
        hyperparameters=None,
        bundle_sha256="0" * 64,
    )
    hardware = HARDWARE_CLASSES["cpu2"]
    return TrialPlan(spec=spec, edition=EDITION, workload=workload, hardware=hardware, budget_s=5.0, data=data)


@pytest.mark.parametrize("framework", list(Framework))
@pytest.mark.parametrize("workload", EDITION.workloads, ids=lambda workload: workload.name)
def test_no_file_of_the_task_holds_a_name(workload, framework, tmp_path):
    folder = plans.write_task_files(make_plan(workload, framework, tmp_path), tmp_path / "task")

    text = " ".join(path.name + path.read_text() for path in folder.rglob("*.py")).lower()
    assert "class workload" in text
    assert not [name for name in (*registry.BASE_NAMES, workload.dataset, "imagenet", "mnist") if name in text]


def test_the_setup_of_a_trainer_is_nameless():
    workload, other = (workload.anonymous(plans.ALIAS) for workload in EDITION.workloads[:2])

    assert {workload.name, workload.base, workload.dataset} == {other.name, other.base, other.dataset}


@pytest.fixture
def trial(tmp_path):
    data = tmp_path / "data" / "molpcba"
    (data / Split.TRAIN).mkdir(parents=True)
    (data / Split.TRAIN / "nodes.npy").write_bytes(b"numbers")
    return make_plan(EDITION.workload("ogbg"), "jax", data)


def test_the_training_split_lies_where_its_path_says_nothing(trial, tmp_path):
    folder = plans.link_training_data(trial, tmp_path / "run" / "train")

    assert "molpcba" not in str(folder)
    assert (folder / "nodes.npy").samefile(trial.data / "train" / "nodes.npy")
    assert folder.stat().st_mode & 0o777 == 0o755


def test_without_links_the_split_is_used_where_it_lies(trial, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "another device")

    monkeypatch.setattr(plans.os, "link", refuse)

    assert plans.link_training_data(trial, tmp_path / "run" / "train") == trial.data / "train"
    assert not (tmp_path / "run" / "train").exists()


def test_a_variant_is_as_nameless_as_its_base():
    base = EDITION.workloads[0]
    variant = dataclasses.replace(base, name=f"{base.name}_silu")

    assert variant.anonymous(plans.ALIAS) == base.anonymous(plans.ALIAS)
