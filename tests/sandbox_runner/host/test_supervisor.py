"""Every turn a trial can take, played by plain processes: who is believed, what is charged, how it ends."""

import json
import os
from types import SimpleNamespace

import pytest

from sandbox_runner.errors import FreezeFailed
from sandbox_runner.host import plan as plans
from sandbox_runner.host import supervisor
from sandbox_runner.host.clock import verify_journal
from sandbox_runner.host.containers import Images
from sandbox_runner.host.docker import Role
from sandbox_runner.host.hardware import HARDWARE_CLASSES
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.host.supervisor import Supervisor
from sandbox_runner.protocol import Ending, TrialSpec
from tests.sandbox_runner.host.fakes import FakeEngine, FakeFreezer
from workloads.spec import Edition, Metric, Ruleset, Split, Target, Workload

WORKLOAD = Workload(
    name="ogbg",
    base="ogbg",
    dataset="molecules",
    loss_type="SOFTMAX_CROSS_ENTROPY",
    metric=Metric(name="accuracy", higher_is_better=True),
    target=Target(validation=0.55, test=0.5),
    max_runtime_s=5.0,
    eval_period_s=0.02,
    step_hint=100,
    batch_size=8,
    eval_batch_size=8,
    num_train_examples=10,
    num_eval_train_examples=10,
    num_validation_examples=10,
    num_test_examples=10,
)
EDITION = Edition(
    name="tiny",
    revision="r1",
    title="Tiny",
    hardware_class="cpu2",
    workloads=(WORKLOAD,),
    studies={Ruleset.EXTERNAL: 1},
    trials={Ruleset.EXTERNAL: 1},
    budget_factor={Ruleset.EXTERNAL: 1.0},
)


class Listener:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.stop_requested = None
        self.evaluations, self.result, self.facts = [], None, None

    def started(self, facts):
        self.facts = facts

    def progress(self, progress): ...

    def evaluation(self, evaluation):
        self.evaluations.append(evaluation)

    def watch_log(self, read_tail): ...

    def finished(self, result):
        self.result = result


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Runs one trial with a trainer of the given behaviour."""
    monkeypatch.setattr(Role, "uid", property(lambda self: os.getuid()))
    monkeypatch.setattr(plans, "write_task_files", lambda plan, directory: tmp_path)
    for split in Split:
        (tmp_path / "data" / split).mkdir(parents=True)

    def run(behaviour="honest", *, judge="honest", budget_s=5.0, race_limit_s=None, freezer=FakeFreezer, stop=None):
        spec = TrialSpec(
            attempt="attempt",
            edition="tiny",
            revision="r1",
            ruleset="external",
            framework="jax",
            workload="ogbg",
            study=1,
            trial=1,
            seed=3,
            hyperparameters={"learning_rate": 0.1},
            bundle_sha256="0" * 64,
            race_limit_s=race_limit_s,
        )
        trial = TrialPlan(
            spec=spec,
            edition=EDITION,
            workload=WORKLOAD,
            hardware=HARDWARE_CLASSES["cpu2"],
            budget_s=budget_s,
            data=tmp_path / "data",
        )
        engine, reporter = FakeEngine(behaviour, judge), Listener()
        reporter.stop_requested = stop
        result = Supervisor(
            trial,
            bundle=b"the submission",
            batch_size=8,
            images=Images(trainer="sha256:t", judge="sha256:j"),
            engine=engine,
            reporter=reporter,
            directory=tmp_path,
            sockets=tmp_path / "s",
            freezer_of=freezer,
        ).run()
        for container in engine.containers.values():
            assert container.removed
            assert container.process.poll() is not None
        assert reporter.result is result
        assert verify_journal(tmp_path / "journal.jsonl") == result.receipt["journal"]
        journal = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
        return SimpleNamespace(result=result, reporter=reporter, engine=engine, journal=journal)

    return run


def test_an_honest_run_ends_at_the_seal_that_reached_the_target(play):
    result = play().result

    assert result.ending is Ending.TARGET
    assert [evaluation.reached_validation for evaluation in result.evaluations] == [False, False, True]
    assert result.time_to_target_s == result.charged_s == result.evaluations[-1].charged_s
    assert result.evaluations[-1].reached_test is True
    assert {"setup", "import", "init", "judge", "frozen", "wall"} <= set(result.breakdown)


def test_the_test_split_is_judged_only_where_validation_is_reached(play):
    first, *_others, last = play().result.evaluations

    assert "test/accuracy" not in first.metrics
    assert "test/accuracy" in last.metrics


def test_charged_readings_grow_and_leave_the_frozen_windows_out(play):
    result = play().result
    readings = [evaluation.charged_s for evaluation in result.evaluations]

    assert readings == sorted(readings)
    assert result.charged_s + result.breakdown["frozen"] <= result.breakdown["wall"]


def test_the_trainer_sees_training_data_and_the_judge_the_other_splits(play):
    mounts = play().engine.mounts
    trainer = {outside.name for outside in mounts[Role.TRAINER]}
    judge = {outside.name for outside in mounts[Role.JUDGE]}

    assert "train" in trainer
    assert not trainer & {"eval_train", "validation", "test"}
    assert {"eval_train", "validation", "test"} <= judge
    assert "train" not in judge


@pytest.mark.parametrize(
    "behaviour",
    [
        "garbage",
        "duplicate_keys",
        "unknown",
        "unsolicited",
        "too_long",
        "flood",
        "hello_again",
        "twice",
        "sends_a_file",
    ],
)
def test_a_message_the_protocol_does_not_allow_ends_the_run(play, behaviour):
    result = play(behaviour).result

    assert result.ending is Ending.PROTOCOL
    assert result.time_to_target_s is None


@pytest.mark.parametrize("behaviour", ["keeps_map", "seals_first"])
def test_weights_that_cannot_be_sealed_end_the_run(play, behaviour):
    result = play(behaviour).result

    assert result.ending is Ending.SEAL
    assert not result.evaluations


@pytest.mark.parametrize(
    ("behaviour", "words"), [("exits", "status 3"), ("killed", "status 137"), ("raises", "ValueError: no")]
)
def test_a_submission_that_ends_by_itself_crashed(play, behaviour, words):
    result = play(behaviour).result

    assert result.ending is Ending.CRASH
    assert words in result.message


def test_what_a_submission_says_last_is_made_harmless(play):
    assert play("raises_colours").result.message == "The submission failed in [31m.\nred"


def test_weights_that_are_not_finite_never_reach_anything(play):
    result = play("nan", budget_s=0.5).result

    assert result.ending is Ending.BUDGET
    assert result.evaluations
    assert not any(evaluation.valid or evaluation.reached_validation for evaluation in result.evaluations)
    assert all(evaluation.metrics["validation/accuracy"] is None for evaluation in result.evaluations)


def test_a_run_past_its_budget_ends_without_another_evaluation(play):
    result = play("slow", budget_s=0.5).result

    assert result.ending is Ending.BUDGET
    assert result.time_to_target_s is None
    assert all(evaluation.charged_s < 0.5 for evaluation in result.evaluations)


def test_a_trainer_that_ignores_requests_uses_up_its_budget(play):
    result = play("ignores", budget_s=1.2).result

    assert result.ending is Ending.BUDGET
    assert not result.evaluations


def test_a_trainer_that_says_nothing_hangs(play):
    result = play("silent", budget_s=0.4).result

    assert result.ending is Ending.HANG


def test_a_trial_behind_the_best_of_its_study_is_stopped(play):
    result = play("slow", race_limit_s=0.3).result

    assert result.ending is Ending.BUDGET
    assert result.raced
    assert result.charged_s < 5.0


def test_a_submission_may_end_its_training_and_gets_one_last_evaluation(play):
    result = play("completes").result

    assert result.ending is Ending.COMPLETE
    assert result.evaluations[-1].step >= 20


def test_weights_sealed_before_an_exit_still_count(play):
    result = play("exits_at_ready").result

    assert result.ending is Ending.CRASH
    assert len(result.evaluations) == 1


@pytest.mark.parametrize("vanishes", ["cpu_usage_ns 2", "cpu_usage_ns 3", "thaw 2"])  # 1: before the submission
def test_a_cgroup_that_goes_with_the_trainer_is_not_the_hosts_failure(play, vanishes):
    call, number = vanishes.split()

    class Vanishing(FakeFreezer):
        left = int(number)

    def vanish(self):
        self.left -= 1
        if self.left:
            return getattr(FakeFreezer, call)(self)
        self.kill()
        raise FileNotFoundError("the cgroup is gone")

    setattr(Vanishing, call, vanish)
    result = play("slow", freezer=Vanishing).result

    assert result.ending is Ending.CRASH
    assert len(result.evaluations) == 1


def test_a_freezer_that_fails_while_the_trainer_lives_is_the_hosts_failure(play, monkeypatch):
    class Broken(FakeFreezer):
        asked = 0

        def cpu_usage_ns(self):
            self.asked += 1
            if self.asked > 1:
                raise OSError("no such controller")
            return 0

    monkeypatch.setattr(supervisor, "EXIT_GRACE_S", 0.2)
    result = play("slow", freezer=Broken).result

    assert result.ending is Ending.INFRA


@pytest.mark.parametrize("error", [FreezeFailed("not within 10 s"), PermissionError("read-only")])
def test_a_host_that_cannot_freeze_learns_it_before_the_submission_is_loaded(play, error):
    class Stubborn(FakeFreezer):
        def freeze(self, deadline_s=10.0):
            raise error

    result = play(freezer=Stubborn).result

    assert (result.ending, result.charged_s) == (Ending.INFRA, 0.0)
    assert "cannot be frozen" in result.message


def test_processes_that_resist_being_frozen_are_the_submissions_fault(play):
    class Later(FakeFreezer):
        asked = 0

        def freeze(self, deadline_s=10.0):
            self.asked += 1
            if self.asked > 1:
                raise FreezeFailed("not within 10 s")
            super().freeze(deadline_s)

    assert play(freezer=Later).result.ending is Ending.PROTOCOL


def test_work_done_while_frozen_is_charged_and_recorded(play):
    played = play(freezer=lambda pid: FakeFreezer(pid, cpu_step_ns=1000))
    charged = [record["charged_s"] for record in played.journal if record["event"] == "not_still"]
    paused = [record["ns"] for record in played.journal if record["event"] == "frozen"]

    assert len(charged) == len(paused) - 1  # the last evaluation ends the run
    assert sum(charged) < played.result.charged_s


def test_a_trainer_that_stands_still_is_not_charged_for_it(play):
    assert not [record for record in play().journal if record["event"] == "not_still"]


def test_a_crash_behind_refused_processes_is_called_by_its_name(play):
    result = play("raises", freezer=lambda pid: FakeFreezer(pid, refused=3)).result

    assert result.ending is Ending.PIDS


@pytest.mark.parametrize("ending", [Ending.CANCELLED, Ending.INFRA])
def test_a_run_that_is_not_wanted_ends_as_its_reporter_says(play, ending):
    assert play("slow", stop=ending).result.ending is ending


@pytest.mark.parametrize("behaviour", ["other_layout", "other_weights"])
def test_a_trainer_that_differs_from_the_judge_before_the_submission_is_the_hosts_fault(play, behaviour):
    result = play(behaviour).result

    assert result.ending is Ending.INFRA
    assert result.charged_s == 0.0


def test_a_bug_of_the_supervisor_is_the_hosts_fault_and_leaves_nothing_behind(play, monkeypatch):
    def stumble(self, evaluation):
        raise KeyError("metrics")

    monkeypatch.setattr(supervisor.Supervisor, "_keep", stumble)
    result = play().result

    assert result.ending is Ending.INFRA
    assert "KeyError" in result.message


def test_a_judge_that_dies_is_the_hosts_fault(play):
    result = play("slow", judge="dies").result

    assert result.ending is Ending.INFRA
    assert "judge" in result.message
