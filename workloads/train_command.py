"""`python -m workloads train`: one training run of one's own submission, without a sandbox, for development.

The same loop, data and metrics as in the sandbox, timed by this process itself: nothing it prints enters a board.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import itertools
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads import editions, registry
from workloads.api import SearchSpaceError, parse_search_space, sample, trial_keys
from workloads.compatibility import install
from workloads.errors import DataMissing, SubmissionError, WorkloadsError
from workloads.frameworks import ahead_of_steps, configure, device_count
from workloads.generations import built_in_dropout, detect
from workloads.loop import Trial, initial_state, run
from workloads.placement import placement
from workloads.shards import global_batches
from workloads.spec import Edition, Framework, Ruleset, Scalar, Split, Workload
from workloads.submission import Submission, hyperparameters_tuple, load_submission
from workloads.view import WorkloadView

if TYPE_CHECKING:
    from workloads.local_referee import LocalReferee

SEARCH_SPACE = "tuning_search_space.json"
EXIT_OK, EXIT_SUBMISSION, EXIT_USAGE = 0, 1, 2


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `train`."""
    parser = commands.add_parser("train", help="train a submission here, without a sandbox; never enters a board")
    parser.add_argument("submission", type=Path, help="folder with submission.py")
    parser.add_argument("--workload", required=True, help="for example imagenet_resnet")
    parser.add_argument("--edition", default="mini", choices=editions.names())
    parser.add_argument("--framework", choices=tuple(Framework), help="default: the folder's name, else its imports")
    parser.add_argument("--ruleset", choices=tuple(Ruleset), default=Ruleset.EXTERNAL)
    parser.add_argument("--trial", type=int, default=1, help="which point of the search space, from 1")
    parser.add_argument("--study", type=int, default=1, help="which study, from 1")
    parser.add_argument("--seed", type=int, help="default: derived from study and trial")
    parser.add_argument("--target", type=float, help="another target; an impossible one shows the whole curve")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="another budget, in charged seconds")
    parser.add_argument("--hyperparameters", metavar="JSON", help="this point, as an object, instead of a trial's")
    parser.add_argument(
        "--steps", type=int, help="train this many steps instead of a budget, and past the target; see --evaluations"
    )
    parser.add_argument(
        "--evaluations", type=int, default=6, help="with --steps: how often validation is measured (default: 6)"
    )
    parser.add_argument("--json", action="store_true", help="print the run as one JSON document")
    parser.set_defaults(run=run_command)


def run_command(options: argparse.Namespace) -> int:
    """0 when the run itself worked, whether or not the target was reached."""
    try:
        edition = editions.load(options.edition)
        spec = _with_target(edition.workload(options.workload), options.target)
        framework = options.framework or _guess_framework(options.submission)
        point = _point(options, edition)
        if (options.steps is not None and options.steps < 1) or options.evaluations < 1:
            raise ValueError("--steps and --evaluations are at least 1")
        if options.budget is not None and not options.budget > 0:
            raise ValueError("--budget is more than 0 seconds")
    except (KeyError, WorkloadsError, SearchSpaceError, OSError, ValueError) as error:
        print(f"train: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return EXIT_USAGE
    try:
        document = train(options, edition, spec, framework, point)
    except WorkloadsError as error:
        print(f"train: {error}", file=sys.stderr)
        return EXIT_SUBMISSION if isinstance(error, SubmissionError) else EXIT_USAGE
    except Exception:
        traceback.print_exc()
        print("train: the submission failed", file=sys.stderr)
        return EXIT_SUBMISSION
    if options.json:
        print(json.dumps(document, indent=2, allow_nan=False))
    return EXIT_OK


def train(
    options: argparse.Namespace, edition: Edition, spec: Workload, framework: str, point: dict[str, Scalar] | None
) -> dict[str, Any]:
    """Runs one trial in this process and describes it."""
    configure(framework)
    if framework == Framework.PYTORCH:
        from workloads.process_group import join

        join(0, 1, None)  # as in the sandbox: some submissions ask for a process group
    install()
    seed = options.seed if options.seed is not None else 1000 * options.study + options.trial
    keys = trial_keys(seed, framework)
    data = editions.data_directory(edition.name) / spec.dataset
    if not (data / Split.TRAIN).is_dir():
        raise DataMissing(f"no data in {data}: run `make setup`")
    workload = registry.load(spec, framework)(spec)
    params, model_state = workload.init_model_fn(keys.model)
    referee = _referee(
        options,
        workload=workload,
        spec=spec,
        data=data,
        budget_s=options.budget or edition.budget_s(spec, Ruleset(options.ruleset)),
        stop_at=edition.stop_at,
        say=_say,
    )
    generation, hyperparameters = detect(options.submission, framework), hyperparameters_tuple(point)
    placed = placement(workload, replicated=generation.replicated)
    submission = load_submission(options.submission)
    batch_size = scaled_batch_size(edition, spec, submission)
    _say(f"{spec.name}, {framework}, batch size {batch_size}, hyperparameters {point}")
    trial = Trial(
        submission=submission,
        workload=WorkloadView(workload, placed, built_in_dropout(generation, hyperparameters)),
        framework=framework,
        hyperparameters=hyperparameters,
        keys=keys,
        input_queue=map(placed.batch, _batches(spec, data / Split.TRAIN, batch_size, seed, framework)),
        placement=placed,
    )
    referee.start()
    state = run(trial, initial_state(trial, params, model_state), referee)
    return {
        "workload": spec.name,
        "framework": str(framework),
        "edition": edition.name,
        "ruleset": str(options.ruleset),
        "seed": seed,
        "hyperparameters": point,
        "batch_size": batch_size,
        "steps": state.step,
        "evaluations": [dataclasses.asdict(evaluation) for evaluation in referee.evaluations],
        "charged_s": referee.elapsed_s(),
        "time_to_target_s": referee.time_to_target_s,
        "best": referee.best,
        "target": spec.target.validation,
        "ending": referee.ending,
    }


def _referee(options: argparse.Namespace, **fields: Any) -> LocalReferee:
    """One that goes by the clock, or by steps. They need the evaluation's packages, which other commands do without."""
    from workloads.local_referee import LocalReferee
    from workloads.step_referee import StepReferee, evaluation_steps

    if options.steps is None:
        return LocalReferee(**fields)
    return StepReferee(**fields, due_steps=evaluation_steps(options.steps, options.evaluations))


def scaled_batch_size(edition: Edition, spec: Workload, submission: Submission) -> int:
    """The submission's answer for the full-size workload, scaled as the edition says."""
    try:
        answer = submission.get_batch_size(spec.name)
    except ValueError:
        answer = submission.get_batch_size(spec.base)
    return registry.scaled_batch_size(edition, spec, answer)


def _batches(spec: Workload, directory: Path, batch_size: int, seed: int, framework: str) -> Iterator[Any]:
    """NumPy batches, in JAX for all devices; PyTorch uses one process here, and one device."""
    dataset = importlib.import_module(f"workloads.datasets.{spec.dataset}")
    devices = device_count(framework) if framework == Framework.JAX else 1
    batches = global_batches(dataset.train_batches, directory, spec, batch_size, seed, devices)
    first = next(batches)  # as in the sandbox, where it is off the clock
    return ahead_of_steps(framework, itertools.chain([first], batches))


def _point(options: argparse.Namespace, edition: Edition) -> dict[str, Scalar] | None:
    if options.hyperparameters is not None:
        (point,) = sample(parse_search_space([json.loads(options.hyperparameters)]), 1, 0)
        return point
    if options.ruleset == Ruleset.SELF_TUNING:
        return None
    path = options.submission / SEARCH_SPACE
    if not path.is_file():
        raise SubmissionError(f"{path} is missing: external tuning needs it; or say --ruleset self_tuning")
    space = parse_search_space(json.loads(path.read_text()))
    points = sample(space, edition.trials[Ruleset.EXTERNAL], options.study - 1)
    if not 1 <= options.trial <= len(points):
        raise SubmissionError(f"--trial {options.trial}: this search space gives trials 1 to {len(points)}")
    return points[options.trial - 1]


def _with_target(spec: Workload, validation: float | None) -> Workload:
    if validation is None:
        return spec
    return dataclasses.replace(spec, target=dataclasses.replace(spec.target, validation=validation))


def _guess_framework(folder: Path) -> str:
    if folder.resolve().name in tuple(Framework):
        return folder.resolve().name
    source = (folder / "submission.py").read_text()
    found = [framework for framework, word in ((Framework.JAX, "jax"), (Framework.PYTORCH, "torch")) if word in source]
    if len(found) != 1:
        raise SubmissionError("say --framework jax or pytorch: neither the folder's name nor the imports tell")
    return found[0]


def _say(line: str) -> None:
    print(f"train: {line}", file=sys.stderr, flush=True)
