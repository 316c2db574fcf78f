"""From a task and an unpacked submission to a trial that the loop can run; the same on every rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox_runner.trainer import paths
from sandbox_runner.trainer.task import Task
from workloads import loop, shards
from workloads.generations import Generation, built_in_dropout, detect
from workloads.placement import placement
from workloads.submission import Submission, load_submission
from workloads.view import WorkloadView


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A submission and the generation of the API it is written for."""

    submission: Submission
    generation: Generation


def load(task: Task) -> Loaded:
    """Imports the unpacked submission; its module level runs here.

    Raises:
        SubmissionError: the devices cannot share its batch. Exceptions of the import pass through.
    """
    shards.check_divisible(task.batch_size, task.devices)
    generation = detect(paths.submission_folder(), task.framework)
    return Loaded(submission=load_submission(paths.submission_folder()), generation=generation)


def make_trial(task: Task, loaded: Loaded, hyperparameters: Any) -> loop.Trial:
    """Everything that stays the same during the training run."""
    placed = placement(task.workload, replicated=loaded.generation.replicated)
    return loop.Trial(
        submission=loaded.submission,
        workload=WorkloadView(task.workload, placed, built_in_dropout(loaded.generation, hyperparameters)),
        framework=task.framework,
        hyperparameters=hyperparameters,
        keys=task.keys,
        input_queue=map(placed.batch, task.batches),
        placement=placed,
    )
