"""Every family of the mini edition reaches its target in the real sandbox, in both frameworks."""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path

import pytest

from sandbox_runner.compliance import archive_of_folder
from sandbox_runner.host import preflight
from sandbox_runner.host.docker import Engine
from sandbox_runner.host.plan import make_plan
from sandbox_runner.host.reporters import TerminalReporter
from sandbox_runner.host.trial import run_trial
from sandbox_runner.protocol import Ending, TrialResult, TrialSpec
from workloads import editions
from workloads.spec import Framework, Ruleset
from workloads.targets import results

pytestmark = [pytest.mark.docker, pytest.mark.trains, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
MINI = editions.load("mini")
# The median of three seeds is the target, so one seed may miss it.
SEEDS = (1, 2, 3)
# In step hints: as long as it, for which there is time; and as in the runs that set the target, which is as long as
# the clicks of `criteo1tb` bear.
SCHEDULES = (1.0, 0.75)
ALWAYS = {("imagenet_resnet", Framework.PYTORCH), ("ogbg", Framework.JAX)}
TRAININGS = [
    pytest.param(
        workload.name,
        framework,
        marks=() if (workload.name, framework) in ALWAYS else pytest.mark.full,
        id=f"{workload.name}-{framework}",
    )
    for workload in MINI.workloads
    for framework in Framework
]


@pytest.fixture(scope="module")
def client(engine, sandbox_images, mini_data):
    client = Engine(engine)
    yield client
    client.close()


@pytest.mark.parametrize(("name", "framework"), TRAININGS)
def test_what_set_the_target_reaches_it(name, framework, client):
    for schedule, seed in itertools.product(SCHEDULES, SEEDS):
        result = train(name, framework, schedule, seed, client)
        if result.ending is Ending.TARGET:
            break

    assert result.ending is Ending.TARGET, result.message
    workload = MINI.workload(name)
    last = result.evaluations[-1]
    assert workload.metric.reaches(last.metrics[f"validation/{workload.metric.name}"], workload.target.validation)
    assert result.time_to_target_s == last.charged_s <= MINI.budget_s(workload, Ruleset.EXTERNAL)


def train(name: str, framework: Framework, schedule: float, seed: int, client: Engine) -> TrialResult:
    """One trial with the point that the target was set by, on a schedule of so many step hints."""
    record = results.read(name)
    assert record is not None, f"{name} has no target by procedure: python -m workloads targets --workloads {name}"
    archive = archive_of_folder(ROOT / "algorithms" / record["set_by"]["algorithm"] / framework)
    spec = TrialSpec(
        attempt=uuid.uuid4().hex,
        edition=MINI.name,
        revision=MINI.revision,
        ruleset=Ruleset.EXTERNAL,
        framework=framework,
        workload=name,
        study=1,
        trial=1,
        seed=seed,
        hyperparameters={**record["set_by"]["hyperparameters"], "horizon_factor": schedule},
        bundle_sha256=archive.bundle_sha256,
    )
    plan = make_plan(spec)
    images = preflight.check(plan.hardware, client)
    reporter = TerminalReporter(plan.workload.metric.name)
    return run_trial(plan, archive.bundle(), engine=client, images=images, reporter=reporter)
