"""The timed loop, with a made-up workload, a submission that takes notes and a referee that does what the test says."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from workloads.api import SUBMISSION_FUNCTIONS, LossType, TrainingCompleteError, fold_in, split, trial_keys
from workloads.errors import SubmissionError
from workloads.loop import Measured, Trial, initial_state, run
from workloads.submission import Submission

KEYS = trial_keys(7, "pytorch")


class FakeWorkload:
    loss_type = LossType.MEAN_SQUARED_ERROR
    model_params_types = {"weight": "kind"}
    target_metric_name = "accuracy"


class Notes:
    """A submission that counts in its parameters and remembers every call."""

    def __init__(
        self, *, complete_at: int | None = None, on_update: Callable[[dict[str, Any]], Any] | None = None
    ) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.complete_at = complete_at
        self.on_update = on_update

    def get_batch_size(self, workload_name):
        return 8

    def init_optimizer_state(self, *arguments):
        self.calls.append(("init_optimizer_state", arguments, {}))
        return "optimizer"

    def data_selection(self, *arguments):
        self.calls.append(("data_selection", arguments, {}))
        return next(arguments[1])

    def update_params(self, **arguments):
        self.calls.append(("update_params", (), dict(arguments)))
        if self.complete_at == arguments["global_step"]:
            raise TrainingCompleteError
        if self.on_update is not None:
            self.on_update(arguments)
        return "optimizer", arguments["current_param_container"] + 1, "state"

    def prepare_for_eval(self, **arguments):
        self.calls.append(("prepare_for_eval", (), dict(arguments)))
        return "prepared", arguments["current_param_container"] + 0.5, "state"

    def named(self, function: str) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        return [call for call in self.calls if call[0] == function]

    def submission(self, *, prepares: bool = True, wants_train_state: bool = False) -> Submission:
        def update_with(train_state, **arguments):
            return self.update_params(train_state=train_state, **arguments)

        return Submission(
            get_batch_size=self.get_batch_size,
            init_optimizer_state=self.init_optimizer_state,
            data_selection=self.data_selection,
            update_params=update_with if wants_train_state else self.update_params,
            prepare_for_eval=self.prepare_for_eval if prepares else None,
        )


class ScriptedReferee:
    """Measures at the given steps and stops after the last one."""

    def __init__(self, *due: int, metrics: dict[str, float | None] | None = None) -> None:
        self.due = due
        self.metrics = metrics or {"validation/accuracy": 0.5}
        self.measured: list[tuple[int, Any, Any]] = []
        self.completed_at: int | None = None

    def is_due(self, step: int) -> bool:
        return step in self.due

    def training_complete(self, step: int) -> None:
        self.completed_at = step

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        self.measured.append((step, params, model_state))
        stop = step == max(self.due)
        return Measured(metrics=self.metrics, charged_s=10.0 * step, stop=stop, validation_goal_reached=step == 2)

    def elapsed_s(self) -> float:
        return 3.5


def train(notes: Notes, referee: ScriptedReferee, **options: bool):
    trial = Trial(
        submission=notes.submission(**options),
        workload=FakeWorkload(),  # type: ignore[arg-type]
        framework="pytorch",
        hyperparameters="point",
        keys=KEYS,
        input_queue=iter(range(100)),
    )
    return run(trial, initial_state(trial, 0, None), referee)


def test_evaluations_happen_when_they_are_due_and_see_the_prepared_parameters():
    referee = ScriptedReferee(1, 3)
    state = train(Notes(), referee)
    assert referee.measured == [(1, 1.5, "state"), (3, 4.0, "state")]
    assert (state.step, state.params, state.optimizer_state) == (3, 4.0, "prepared")


def test_a_submission_without_prepare_for_eval_is_measured_as_it_is():
    referee = ScriptedReferee(2)
    train(Notes(), referee, prepares=False)
    assert referee.measured == [(2, 2, "state")]


def test_arguments_are_those_of_the_api_in_its_order():
    notes = Notes()
    train(notes, ScriptedReferee(1))
    (_, initial, _), (_, selection, _) = notes.named("init_optimizer_state")[0], notes.named("data_selection")[0]
    assert len(initial) == len(SUBMISSION_FUNCTIONS["init_optimizer_state"])
    assert initial[1:4] == (0, None, "point")
    assert len(selection) == len(SUBMISSION_FUNCTIONS["data_selection"])
    assert selection[2:7] == ("optimizer", 0, None, "point", 0)
    update, prepare = notes.named("update_params")[0][2], notes.named("prepare_for_eval")[0][2]
    assert set(update) == set(SUBMISSION_FUNCTIONS["update_params"]) - {"train_state"}
    assert set(prepare) == set(SUBMISSION_FUNCTIONS["prepare_for_eval"])
    assert (update["global_step"], prepare["global_step"]) == (0, 1)
    assert update["loss_type"] is LossType.MEAN_SQUARED_ERROR
    assert update["current_params_types"] == {"weight": "kind"}
    assert update["batch"] == 0


def test_every_step_has_its_own_keys():
    notes = Notes()
    train(notes, ScriptedReferee(2))
    calls = zip(notes.named("data_selection"), notes.named("update_params"), strict=True)
    for step, (selection, update) in enumerate(calls):
        data_key, update_key, prepare_key, _ = split(fold_in(KEYS.steps, step, "pytorch"), 4, "pytorch")
        assert np.array_equal(selection[1][7], data_key)
        assert np.array_equal(update[2]["rng"], update_key)
    assert np.array_equal(notes.named("prepare_for_eval")[0][2]["rng"], prepare_key)


def test_measurements_arrive_as_pairs_of_step_and_metrics():
    notes = Notes()
    metrics = {"validation/accuracy": 0.25, "train/loss": None}
    train(notes, ScriptedReferee(1, 2, metrics=metrics))
    ((step, known),) = notes.named("update_params")[1][2]["eval_results"][:1]
    assert step == 1
    assert known["validation/accuracy"] == 0.25
    assert math.isnan(known["train/loss"])
    assert known["score"] == known["accumulated_submission_time"] == 10.0
    assert {"total_duration", "accumulated_eval_time", "accumulated_logging_time", "global_step"} <= set(known)


def test_an_evaluation_without_the_target_metric_still_has_its_key():
    notes = Notes()
    train(notes, ScriptedReferee(1, 2, metrics={"validation/loss": None}))
    assert math.isnan(notes.named("update_params")[1][2]["eval_results"][0][1]["validation/accuracy"])


def test_train_state_is_passed_to_functions_that_name_it_and_cannot_be_changed():
    notes = Notes()
    train(notes, ScriptedReferee(2, 3), wants_train_state=True)
    states = [call[2]["train_state"] for call in notes.named("update_params")]
    assert isinstance(states[0], MappingProxyType)
    assert states[0]["validation_goal_reached"] is True  # live: the last evaluation is already in it
    assert states[0]["accumulated_submission_time"] == 30.0
    assert set(states[0]) == {
        "validation_goal_reached",
        "test_goal_reached",
        "is_time_remaining",
        "last_eval_time",
        "training_complete",
        "accumulated_submission_time",
        "accumulated_eval_time",
        "accumulated_logging_time",
        "last_step_end_time",
    }


def test_completed_training_keeps_the_old_parameters_for_one_last_evaluation():
    notes, referee = Notes(complete_at=2), ScriptedReferee(1, 9)
    state = train(notes, referee)
    assert referee.completed_at == 3
    assert referee.measured == [(1, 1.5, "state"), (3, 3.0, "state")]
    assert state.step == 3


def test_other_exceptions_pass_through():
    def fail(arguments: dict[str, Any]) -> None:
        raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged"):
        train(Notes(on_update=fail), ScriptedReferee(1))


def test_a_function_that_returns_something_else_is_told_what_to_return():
    class Forgetful(Notes):
        def update_params(self, **arguments):
            return None

    with pytest.raises(SubmissionError, match=r"update_params returned NoneType; it has to return the three values"):
        train(Forgetful(), ScriptedReferee(1))


def test_any_batch_is_handed_on_unseen():
    class Greedy(Notes):
        def data_selection(self, *arguments):
            return arguments[1]

    notes = Greedy()
    train(notes, ScriptedReferee(1))
    assert next(notes.named("update_params")[0][2]["batch"]) == 0
