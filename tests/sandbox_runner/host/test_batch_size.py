"""What a probe may answer, and that nobody waits for one that does not."""

import dataclasses
import os
from pathlib import Path

import pytest

from sandbox_runner.host import batch_size as probes
from sandbox_runner.host.batch_size import BatchSizeRefused, ProbeStopped
from sandbox_runner.host.containers import Images
from sandbox_runner.host.docker import Role
from sandbox_runner.host.hardware import HARDWARE_CLASSES
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.host.reporters import TerminalReporter
from sandbox_runner.host.trial import run_trial
from sandbox_runner.protocol import Ending, TrialSpec
from tests.sandbox_runner.host.fakes import FakeEngine
from workloads import editions, registry

EDITION = editions.load("mini")
WORKLOAD = EDITION.workload("ogbg")
FULL_BATCH = registry.get("ogbg").batch_size


SPEC = TrialSpec(
    attempt="attempt",
    edition="mini",
    revision="r1",
    ruleset="external",
    framework="jax",
    workload="ogbg",
    study=1,
    trial=1,
    seed=3,
    hyperparameters=None,
    bundle_sha256="0" * 64,
)
TRIAL = TrialPlan(
    spec=SPEC,
    edition=EDITION,
    workload=WORKLOAD,
    hardware=HARDWARE_CLASSES["cpu2"],
    budget_s=5.0,
    data=Path("/nowhere"),
)


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setattr(Role, "uid", property(lambda self: os.getuid()))
    monkeypatch.setenv("ALGOPERF_STATE", str(tmp_path))


@pytest.fixture
def ask(tmp_path):
    """Asks a probe of the given behaviour; its container has to be gone afterwards."""

    def ask(behaviour, *, trial=TRIAL, **options):
        engine = FakeEngine(probe=behaviour)
        try:
            return probes.batch_size(
                trial, b"the submission", engine=engine, image="sha256:t", sockets=tmp_path / "s", **options
            )
        finally:
            for container in engine.containers.values():
                assert container.removed
                assert container.process.poll() is not None

    return ask


def test_an_answer_is_scaled_to_the_edition_and_asked_for_once(ask):
    assert ask(f"answers {2 * FULL_BATCH}") == 2 * WORKLOAD.batch_size
    assert ask("silent") == 2 * WORKLOAD.batch_size


def test_an_edition_of_full_size_takes_the_answer_as_it_is(ask):
    full_size = dataclasses.replace(TRIAL, edition=dataclasses.replace(EDITION, batch_scale=False))
    assert ask("answers 77", trial=full_size) == 77


@pytest.mark.parametrize(
    "answer", [2**24, FULL_BATCH * WORKLOAD.num_train_examples // WORKLOAD.batch_size + FULL_BATCH]
)
def test_a_batch_of_more_than_all_examples_is_the_submissions_fault_before_it_can_hurt(ask, answer):
    with pytest.raises(BatchSizeRefused, match=r"more than the \d+ training examples"):
        ask(f"answers {answer}")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("exits", "ended by itself with status 3"),
        ("raises", "KeyError: ogbg"),
        ("trains", "but with init_done"),
        (f"answers {2**24 + 1}", "a batch has 1 to"),
        ("answers 0", "not positive"),
    ],
)
def test_a_probe_without_a_usable_answer_is_the_submissions_fault(ask, behaviour, words):
    with pytest.raises(BatchSizeRefused, match=words):
        ask(behaviour)


@pytest.mark.parametrize("behaviour", ["silent", "chats"])
def test_nobody_waits_longer_for_a_probe_than_agreed(ask, monkeypatch, behaviour):
    monkeypatch.setattr(probes, "PROBE_S", 5.0)
    with pytest.raises(BatchSizeRefused, match="did not answer"):
        ask(behaviour)


@pytest.mark.parametrize("behaviour", ["silent", "chats"])
def test_a_run_that_is_not_wanted_any_more_ends_its_probe(ask, behaviour):
    answers = iter([False, False])
    with pytest.raises(ProbeStopped):
        ask(behaviour, is_unwanted=lambda: next(answers, True))


@pytest.mark.parametrize("ending", [Ending.CANCELLED, Ending.INFRA])
def test_a_run_that_is_stopped_during_its_probe_ends_as_its_reporter_says(ending):
    reporter = TerminalReporter("accuracy")
    reporter.stop = ending
    images = Images(trainer="sha256:t", judge="sha256:j")

    result = run_trial(TRIAL, b"the submission", engine=FakeEngine(probe="silent"), images=images, reporter=reporter)

    assert result.ending is ending
