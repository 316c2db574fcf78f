"""The one timed training loop, used by the sandbox's trainer and by `python -m workloads train`.

The loop calls the submission; a `Referee` keeps the clock and measures. In the sandbox the referee is a socket to the
supervisor, at home it is a clock and an evaluation in the same process. Source: AlgoPerf protocol reference, 2.3.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from workloads.api import TrainingCompleteError, TrialKeys, Workload, fold_in, split
from workloads.errors import SubmissionError
from workloads.frameworks import block_until_ready
from workloads.placement import Placement, Unchanged
from workloads.submission import Submission


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a referee answers to one evaluation. A metric that is not finite arrives as None."""

    metrics: Mapping[str, float | None]  # "train/loss", "validation/accuracy", ...
    charged_s: float
    stop: bool  # the trial is over: target, budget, or somebody ended it
    validation_goal_reached: bool = False
    test_goal_reached: bool = False


class Referee(Protocol):
    """Who decides when an evaluation is due, and measures it."""

    def is_due(self, step: int) -> bool:
        """Called after every step, without blocking."""
        ...

    def training_complete(self, step: int) -> None:
        """The submission has nothing left to do; returns when the last evaluation may be taken."""
        ...

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        """Takes the parameters as they are now. The device has finished computing them."""
        ...

    def elapsed_s(self) -> float:
        """Charged seconds so far, as well as this side knows."""
        ...


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Everything that stays the same during one training run."""

    submission: Submission
    workload: Workload
    framework: str
    hyperparameters: Any
    keys: TrialKeys
    input_queue: Iterator[Any]
    placement: Placement = field(default_factory=Unchanged)


@dataclass(kw_only=True)
class TrainingState:
    """What a step replaces."""

    optimizer_state: Any
    params: Any
    model_state: Any
    step: int = 0


def initial_state(trial: Trial, params: Any, model_state: Any) -> TrainingState:
    """Calls `init_optimizer_state` on a fresh model, which is handed out as the placement says."""
    params, model_state = trial.placement.model(params, model_state)
    optimizer_state = trial.submission.init_optimizer_state(
        trial.workload, params, model_state, trial.hyperparameters, trial.keys.optimizer
    )
    return TrainingState(optimizer_state=optimizer_state, params=params, model_state=model_state)


def run(trial: Trial, state: TrainingState, referee: Referee) -> TrainingState:
    """Trains until the referee says stop or the submission says that it is done.

    Exceptions of the submission pass through, with its frames in the traceback.
    """
    return _Loop(trial, state, referee).run()


class _Loop:
    """One run; the bookkeeping that submissions may read lives here."""

    def __init__(self, trial: Trial, state: TrainingState, referee: Referee) -> None:
        self.trial = trial
        self.state = state
        self.referee = referee
        self.started_at = time.time()
        self.eval_results: list[tuple[int, dict[str, Any]]] = []
        self.train_state: dict[str, Any] = {
            "validation_goal_reached": False,
            "test_goal_reached": False,
            "is_time_remaining": True,
            "last_eval_time": 0,
            "training_complete": False,
            "accumulated_submission_time": 0.0,
            "accumulated_eval_time": 0.0,
            "accumulated_logging_time": 0.0,
            "last_step_end_time": self.started_at,
        }
        self.extra = {"train_state": MappingProxyType(self.train_state)} if trial.submission.wants_train_state else {}

    def run(self) -> TrainingState:
        stop = complete = False
        while not (stop or complete):
            complete, prepare_key = self.step()
            if complete:
                self.referee.training_complete(self.state.step)
            if complete or self.referee.is_due(self.state.step):
                stop = self.evaluate(prepare_key)
            self.train_state["last_step_end_time"] = time.time()
        return self.state

    def step(self) -> tuple[bool, Any]:
        """One data selection and one update; whether training is complete, and the key for `prepare_for_eval`."""
        trial, state = self.trial, self.state
        keys = split(fold_in(trial.keys.steps, state.step, trial.framework), 4, trial.framework)
        data_key, update_key, prepare_key, _evaluation_key = keys
        batch = trial.submission.data_selection(
            trial.workload,
            trial.input_queue,
            state.optimizer_state,
            state.params,
            state.model_state,
            trial.hyperparameters,
            state.step,
            data_key,
        )
        try:
            returned = trial.submission.update_params(batch=batch, rng=update_key, **self.arguments(), **self.extra)
            self.replace(returned, "update_params")
        except TrainingCompleteError:  # the previous state is kept
            self.train_state["training_complete"] = True
        state.step += 1
        self.train_state["accumulated_submission_time"] = self.referee.elapsed_s()
        return self.train_state["training_complete"], prepare_key

    def evaluate(self, prepare_key: Any) -> bool:
        """`prepare_for_eval` and one measurement; True when the trial is over."""
        state = self.state
        if self.trial.submission.prepare_for_eval is not None:
            returned = self.trial.submission.prepare_for_eval(rng=prepare_key, **self.arguments())
            self.replace(returned, "prepare_for_eval")
        params, model_state = self.trial.placement.measured(state.params, state.model_state)
        block_until_ready(self.trial.framework, (params, model_state, state.optimizer_state))
        asked_at = time.time()
        measured = self.referee.measure(state.step, params, model_state)
        self.record(measured, time.time() - asked_at)
        return measured.stop

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that `update_params` and `prepare_for_eval` share."""
        return {
            "workload": self.trial.workload,
            "current_param_container": self.state.params,
            "current_params_types": self.trial.workload.model_params_types,
            "model_state": self.state.model_state,
            "hyperparameters": self.trial.hyperparameters,
            "loss_type": self.trial.workload.loss_type,
            "optimizer_state": self.state.optimizer_state,
            "eval_results": self.eval_results,
            "global_step": self.state.step,
        }

    def replace(self, returned: Any, function: str) -> None:
        try:
            self.state.optimizer_state, self.state.params, self.state.model_state = returned
        except (TypeError, ValueError):
            raise SubmissionError(
                f"{function} returned {type(returned).__name__}; it has to return the three values "
                "(optimizer_state, current_param_container, model_state)"
            ) from None

    def record(self, measured: Measured, seconds: float) -> None:
        """Puts a measurement where the submission reads it: `eval_results` and `train_state`."""
        known = self.train_state
        known["last_eval_time"] = time.time()
        known["accumulated_eval_time"] += seconds
        known["accumulated_submission_time"] = measured.charged_s
        known["is_time_remaining"] = not measured.stop
        known["validation_goal_reached"] |= measured.validation_goal_reached
        known["test_goal_reached"] |= measured.test_goal_reached
        metrics = {name: math.nan if value is None else value for name, value in measured.metrics.items()}
        # Submissions index the target metric without asking; an evaluation of broken parameters has none.
        metrics.setdefault(f"validation/{self.trial.workload.target_metric_name}", math.nan)
        metrics |= {
            "score": measured.charged_s,
            "total_duration": time.time() - self.started_at,
            "accumulated_submission_time": measured.charged_s,
            "accumulated_eval_time": known["accumulated_eval_time"],
            "accumulated_logging_time": 0.0,
            "global_step": self.state.step,
            "preemption_count": 0,
        }
        self.eval_results.append((self.state.step, metrics))
