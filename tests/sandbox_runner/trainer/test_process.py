"""Trainer and judge as plain processes, driven message by message by a supervisor that the test plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sandbox_runner import protocol
from tests.sandbox_runner.processes import COUNTS, TINY, TrainerPeer, bundle, make_data, make_task, started
from tests.sandbox_runner.trainer.submissions import files
from workloads.spec import Split

pytestmark = pytest.mark.trains

HELD_APART = (Split.EVAL_TRAIN, Split.VALIDATION, Split.TEST)


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[TrainerPeer]:
    """A PyTorch trainer that has just started."""
    data = make_data(tmp_path / "data")
    task = make_task(tmp_path / "task", "pytorch")
    with started("sandbox_runner.trainer", tmp_path / "run", data / Split.TRAIN, task) as peer:
        yield TrainerPeer(peer, "pytorch")


def loaded(trainer: TrainerPeer, submission: dict[str, str]) -> None:
    """Everything up to the hand-over of a submission."""
    trainer.set_up()
    trainer.initial_snapshot().close()
    trainer.load(bundle(submission))


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_a_trial_runs_from_setup_to_its_second_evaluation(framework: str, tmp_path: Path):
    data = make_data(tmp_path / "data")
    task = make_task(tmp_path / "task", framework)
    with (
        started("sandbox_runner.judge", tmp_path / "judge", data) as judge,
        started("sandbox_runner.trainer", tmp_path / "trainer", data / Split.TRAIN, task) as peer,
    ):
        trainer = TrainerPeer(peer, framework)
        judge.receive("hello")
        judge.send("setup", workload=TINY.as_json(), framework=framework, seed=trainer.seed)
        trainer.set_up(hyperparameters={"learning_rate": 0.2, "label": "x"})

        ready = judge.receive("ready")
        layout = [protocol.LayoutEntry(**{**entry, "shape": tuple(entry["shape"])}) for entry in ready["layout"]]
        assert protocol.layout_digest(layout) == trainer.layout
        assert ready["nbytes"] == trainer.nbytes
        assert ready["num_examples"] == {split: COUNTS[split] for split in HELD_APART}

        with trainer.initial_snapshot() as snapshot:
            judge.send("evaluate", fd=snapshot.fd, evaluation=0, splits=[])
            answer = judge.receive("metrics")
            assert answer["initial"] is True
            assert answer["sha256"] == snapshot.sha256()

        trainer.load(bundle(files(framework)))
        peer.receive("loaded")
        peer.receive("init_done")
        for evaluation in (1, 2):
            snapshot, step = trainer.snapshot(evaluation)
            assert (step == 1) if evaluation == 1 else (step > 1)
            with snapshot:
                judge.send("evaluate", fd=snapshot.fd, evaluation=evaluation, splits=[*HELD_APART])
                answer = judge.receive("metrics")
            assert (answer["finite"], answer["initial"], answer["error"]) == (True, False, "")
            assert answer["num_examples"] == {split: COUNTS[split] for split in HELD_APART}
            assert 0 <= answer["metrics"]["validation/accuracy"] <= 1
            assert set(answer["metrics"]) == {
                f"{split}/{name}" for split in ("train", "validation", "test") for name in ("accuracy", "loss")
            }
            trainer.answer(evaluation, step, {"validation/accuracy": 0.3})
            if evaluation == 1:
                trainer.request(2)
        peer.send("stop", reason="target")
        assert peer.exit_status() == 0


def test_a_submission_reads_its_measurements_and_the_train_state(trainer: TrainerPeer):
    check = """
    if eval_results:
        step, metrics = eval_results[0]
        assert step == 1 == metrics["global_step"], eval_results
        assert metrics["validation/" + workload.target_metric_name] != metrics["validation/loss"]
        assert metrics["validation/loss"] != metrics["validation/loss"], "a null is not a number"
        assert train_state["accumulated_submission_time"] >= 42
        assert not train_state["validation_goal_reached"]
        try:
            train_state["is_time_remaining"] = True
        except TypeError:
            raise spec.TrainingCompleteError
"""
    loaded(trainer, files("pytorch", check.strip()))
    trainer.peer.receive("loaded")
    trainer.peer.receive("init_done")
    trainer.snapshot(1)[0].close()
    trainer.answer(1, 1, {"validation/accuracy": 0.5, "validation/loss": None}, charged_s=42)
    complete = trainer.peer.receive("training_complete", "failed")
    assert complete == {"kind": "training_complete", "step": 2}
    trainer.request(2)
    snapshot, step = trainer.snapshot(2)
    snapshot.close()
    assert step == 2


def test_completed_training_in_the_first_step_keeps_the_initial_weights(trainer: TrainerPeer):
    source = files("pytorch")
    source["submission.py"] = source["submission.py"].replace(
        '    optimizer_state["optimizer"].zero_grad()\n', "    raise spec.TrainingCompleteError\n"
    )
    trainer.set_up()
    with trainer.initial_snapshot() as initial:
        expected = initial.sha256()
    trainer.load(bundle(source))
    for kind in ("loaded", "init_done", "training_complete"):
        trainer.peer.receive(kind)
    snapshot, step = trainer.snapshot(1)
    with snapshot:
        assert (snapshot.sha256(), step) == (expected, 1)


@pytest.mark.parametrize(
    ("broken", "where", "sentence"),
    [
        ({"submission.py": "import missing_package\n"}, "import", "No module named 'missing_package'"),
        ({"submission.py": "def get_batch_size(\n"}, "import", "SyntaxError"),
        ({"other.py": ""}, "import", "no file submission.py"),
        ({"submission.py": "import sys; sys.exit(0)\n"}, "import", "SystemExit"),
    ],
)
def test_a_submission_that_cannot_be_imported_fails_with_its_error(
    trainer: TrainerPeer, broken: dict[str, str], where: str, sentence: str
):
    loaded(trainer, broken)
    failure = trainer.peer.receive("failed")
    assert failure["where"] == where
    assert sentence in failure["error"]
    assert trainer.peer.exit_status() == 1


@pytest.mark.parametrize(
    ("end_of_step", "where", "sentence"),
    [
        ("raise RuntimeError('diverged')", "update_params", "RuntimeError: diverged"),
        ("return None", "training", "update_params returned NoneType"),
        ("workload._build_input_queue", "update_params", "not part of the AlgoPerf API"),
        ("workload.step_hint = 3", "update_params", "cannot be set"),
        ("torch.nn.init.zeros_(current_param_container.extra)", "update_params", "AttributeError"),
        ("current_param_container.extra = torch.nn.Parameter(torch.zeros(2))", "training", "it started as"),
    ],
)
def test_a_step_that_fails_names_the_function_and_the_reason(
    trainer: TrainerPeer, end_of_step: str, where: str, sentence: str
):
    loaded(trainer, files("pytorch", end_of_step))
    trainer.peer.receive("loaded")
    trainer.peer.receive("init_done")
    failure = trainer.peer.receive("failed")
    assert failure["where"] == where
    assert sentence in failure["error"]
    assert trainer.peer.exit_status() == 1


def test_a_trainer_without_a_supervisor_goes_away(trainer: TrainerPeer):
    trainer.set_up()
    trainer.peer.channel.close()
    assert trainer.peer.exit_status() == 0


def test_a_broken_setup_is_reported_before_any_submission_is_there(trainer: TrainerPeer):
    trainer.peer.receive("hello")
    trainer.peer.send("setup", task={}, seed=1, hyperparameters=None, batch_size=8, ruleset="external", framework="x")
    failure = trainer.peer.receive("failed")
    assert failure["where"] == "setup"
    assert "framework 'x' is unknown" in failure["error"]


def test_the_workload_has_no_name_in_the_process(trainer: TrainerPeer):
    """Neither arguments nor environment nor attributes nor modules: searched where a submission can look."""
    search = """
    import os, sys
    model = current_param_container
    texts = [*sys.argv, *os.environ, *os.environ.values(), *sys.modules, *sys.path, repr(workload),
             type(model).__module__, type(model).__name__, type(workload).__module__, open("/proc/self/cmdline").read(),
             *(name for name, _ in model.named_modules())]
    found = [text for text in texts if "imagenet" in text.lower()]
    raise RuntimeError(f"found {found}")
"""
    loaded(trainer, files("pytorch", search.strip()))
    trainer.peer.receive("loaded")
    trainer.peer.receive("init_done")
    failure = trainer.peer.receive("failed")
    assert "RuntimeError: found []" in failure["error"]


def test_equal_seeds_start_from_equal_bits(tmp_path: Path):
    data, task = make_data(tmp_path / "data"), make_task(tmp_path / "task", "pytorch")
    digests = []
    for number, seed in enumerate((5, 5, 6)):
        with started("sandbox_runner.trainer", tmp_path / str(number), data / Split.TRAIN, task) as peer:
            trainer = TrainerPeer(peer, "pytorch", seed=seed)
            trainer.set_up()
            with trainer.initial_snapshot() as snapshot:
                digests.append(snapshot.sha256())
    assert digests[0] == digests[1] != digests[2]
    assert np.unique(digests).size == 2
