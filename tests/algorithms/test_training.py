"""The reference algorithms train every kind of model: batch norm, graphs, sequences, masked losses."""

from __future__ import annotations

import dataclasses

import pytest

from sandbox_runner.trainer.trial import Loaded
from tests.algorithms.linear import ALGORITHMS, submission_of
from tests.entries.drive import drive, task
from workloads import registry
from workloads.api import SUBMISSION_FUNCTIONS
from workloads.compatibility import install
from workloads.generations import detect
from workloads.narrow import narrow
from workloads.submission import Submission

pytestmark = pytest.mark.trains

NAMES = sorted(path.name for path in ALGORITHMS.iterdir() if path.is_dir())
STEPS = 4
# Every algorithm once in each framework, every family at least once; JAX takes those that compile fast.
QUICK = [
    ("adamw", "jax", "criteo1tb"),
    ("heavy_ball", "jax", "ogbg"),
    ("muon", "jax", "imagenet_vit"),
    ("nadamw", "jax", "criteo1tb"),
    ("nesterov", "jax", "imagenet_vit"),
    ("schedule_free_adamw", "jax", "imagenet_resnet"),
    ("adamw", "pytorch", "librispeech_deepspeech"),
    ("heavy_ball", "pytorch", "fastmri"),
    ("muon", "pytorch", "librispeech_conformer"),
    ("nadamw", "pytorch", "wmt"),
    ("nesterov", "pytorch", "ogbg"),
    ("schedule_free_adamw", "pytorch", "imagenet_resnet"),
]


def check(name: str, framework: str, family: str) -> None:
    """A few steps and evaluations of the trainer's own loop on the narrow workload, without hyperparameters."""
    install()
    functions = submission_of(name, framework)
    submission = Submission(**{function: getattr(functions, function) for function in SUBMISSION_FUNCTIONS})
    loaded = Loaded(submission=submission, generation=detect(ALGORITHMS / name / framework, framework))
    spec = dataclasses.replace(narrow(registry.get(family)), step_hint=STEPS)

    found = drive(task(spec, framework), loaded, None, STEPS)

    assert found == {
        "workload": family,
        "generation": "C",
        "steps": STEPS,
        "evaluations": 3,
        "same_layout": True,
        "moved": True,
        "finite": True,
    }


def test_every_algorithm_and_every_family_is_taken():
    assert sorted((name, framework) for name, framework, _ in QUICK) == [
        (name, framework) for name in NAMES for framework in ("jax", "pytorch")
    ]
    assert {family for _, _, family in QUICK} == {*registry.BASE_NAMES}


@pytest.mark.parametrize(("name", "framework", "family"), QUICK)
def test_an_algorithm_trains_a_family(name, framework, family):
    check(name, framework, family)


@pytest.mark.full
@pytest.mark.parametrize("family", registry.BASE_NAMES)
@pytest.mark.parametrize("framework", ["jax", "pytorch"])
@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_trains_every_family(name, framework, family):
    check(name, framework, family)
