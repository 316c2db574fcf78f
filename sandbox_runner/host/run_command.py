"""`python -m sandbox_runner run`: one trial in the real sandbox, what a submitter uses at home."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import uuid
from pathlib import Path
from types import FrameType
from typing import Any

from sandbox_runner.compliance import Archive, Finding, Verdict, archive_of_folder, check, read_archive
from sandbox_runner.errors import ArchiveRejected
from sandbox_runner.host import engine as engines
from sandbox_runner.host import preflight, reaper
from sandbox_runner.host.docker import Engine
from sandbox_runner.host.plan import TrialPlan, make_plan
from sandbox_runner.host.reporters import TerminalReporter
from sandbox_runner.host.trial import run_trial
from sandbox_runner.protocol import Ending, TrialResult, TrialSpec
from workloads import api, editions
from workloads.spec import Framework, Ruleset

EXIT_OK, EXIT_SUBMISSION, EXIT_HOST = 0, 1, 2
SEARCH_SPACE = "tuning_search_space.json"
_RAN_WELL = (Ending.TARGET, Ending.BUDGET, Ending.COMPLETE)


class CannotStart(Exception):
    """The submission or the arguments do not allow a run; the message says what to change."""


def run(options: argparse.Namespace) -> int:
    """0 when the run itself worked, whether or not the target was reached; 1: the submission's fault; 2: the host's."""
    try:
        archive = _read(options.submission)
        framework = options.framework or _guess_framework(options.submission, archive)
        spec = _make_spec(options, archive, framework)
        trial = make_plan(spec)
    except CannotStart as error:
        print(str(error), file=sys.stderr)
        return EXIT_SUBMISSION
    result = _run(trial, archive.bundle())
    if options.json:
        print(json.dumps(run_document(trial, result), indent=2, allow_nan=False))
    if result.ending in _RAN_WELL:
        return EXIT_OK
    if result.ending.is_result:
        print(f"The submission's fault ({result.ending}): {result.message}", file=sys.stderr)
        return EXIT_SUBMISSION
    print(f"The host's fault ({result.ending}), charged to nobody: {result.message}", file=sys.stderr)
    return EXIT_HOST


def run_document(trial: TrialPlan, result: TrialResult) -> dict[str, Any]:
    """The run JSON with one workload, one study, one trial. One trial has no score."""
    spec = trial.spec
    document = result.as_json()
    return {
        "edition": spec.edition,
        "revision": spec.revision,
        "ruleset": spec.ruleset,
        "framework": spec.framework,
        "workloads": [
            {
                "workload": spec.workload,
                "time_to_target_s": result.time_to_target_s,
                "studies": [
                    {
                        "study": spec.study,
                        "trials": [
                            {
                                "trial": spec.trial,
                                "seed": spec.seed,
                                "hyperparameters": spec.hyperparameters,
                                "charged_s": result.charged_s,
                                "time_to_target_s": result.time_to_target_s,
                                "evaluations": document["evaluations"],
                                "ending": str(result.ending),
                                "message": result.message,
                                "batch_size": result.batch_size,
                                "breakdown": document["breakdown"],
                                "receipt": document["receipt"],
                            }
                        ],
                    }
                ],
            }
        ],
        "score": None,
    }


def _run(trial: TrialPlan, bundle: bytes) -> TrialResult:
    reporter = TerminalReporter(trial.workload.metric.name)

    def cancel(_signal: int, _frame: FrameType | None) -> None:
        reporter.stop = Ending.CANCELLED

    previous = signal.signal(signal.SIGINT, cancel), signal.signal(signal.SIGTERM, cancel)
    try:
        with engines.running() as base_url:
            engine = Engine(base_url)
            try:
                images = preflight.check(trial.hardware, engine)
                reaper.reap(engine)
                return run_trial(trial, bundle, engine=engine, images=images, reporter=reporter)
            finally:
                engine.close()
    finally:
        signal.signal(signal.SIGINT, previous[0])
        signal.signal(signal.SIGTERM, previous[1])


def _read(path: Path) -> Archive:
    try:
        if path.is_dir():
            return archive_of_folder(path)
        return read_archive(path.read_bytes())
    except OSError as error:
        raise CannotStart(
            f"{path} cannot be read: {error.strerror}. Name a folder or a zip with submission.py."
        ) from None
    except ArchiveRejected as error:
        raise CannotStart("The archive is not accepted.\n" + _listed(error.findings)) from None


def _guess_framework(path: Path, archive: Archive) -> str:
    """The folder's own name where it is a framework, as in algorithms/adamw/jax; else what submission.py imports."""
    name = path.resolve().stem
    if name in tuple(Framework):
        return name
    source = archive.files.get("submission.py", b"")
    imports = {
        framework for framework, word in ((Framework.JAX, b"jax"), (Framework.PYTORCH, b"torch")) if word in source
    }
    if len(imports) != 1:
        raise CannotStart("Say --framework jax or --framework pytorch: neither the folder's name nor the imports tell.")
    return str(imports.pop())


def _make_spec(options: argparse.Namespace, archive: Archive, framework: str) -> TrialSpec:
    findings = check(archive, options.ruleset, framework)
    rejected = [finding for finding in findings if finding.verdict is Verdict.REJECTED]
    if rejected:
        raise CannotStart("The submission is not accepted.\n" + _listed(rejected))
    for finding in findings:
        if finding.verdict is Verdict.REVIEW:
            print(f"A reviewer would look at this: {_listed([finding])}", file=sys.stderr)
    try:
        edition = editions.load(options.edition)
        edition.workload(options.workload)
    except KeyError as error:
        raise CannotStart(str(error.args[0])) from None
    return TrialSpec(
        attempt=f"home-{uuid.uuid4().hex[:12]}",
        edition=edition.name,
        revision=edition.revision,
        ruleset=options.ruleset,
        framework=framework,
        workload=options.workload,
        study=options.study,
        trial=options.trial,
        seed=options.seed if options.seed is not None else 1000 * options.study + options.trial,
        hyperparameters=_hyperparameters(options, archive, edition.trials[Ruleset(options.ruleset)]),
        bundle_sha256=archive.bundle_sha256,
    )


def _hyperparameters(options: argparse.Namespace, archive: Archive, trials: int) -> dict[str, Any] | None:
    if options.ruleset == Ruleset.SELF_TUNING:
        return None
    if options.study < 1:
        raise CannotStart("--study counts from 1.")
    space = api.parse_search_space(json.loads(archive.files[SEARCH_SPACE]))
    points = api.sample(space, trials, options.study - 1)
    if not 1 <= options.trial <= len(points):
        raise CannotStart(f"--trial {options.trial}: this search space gives trials 1 to {len(points)}.")
    return dict(points[options.trial - 1])


def _listed(findings: list[Finding] | tuple[Finding, ...]) -> str:
    lines = []
    for finding in findings:
        place = f"{finding.path}:{finding.line}: " if finding.line else f"{finding.path}: " if finding.path else ""
        lines.append(f"  {place}{finding.message} {finding.fix} [{finding.rule}]")
    return "\n".join(lines)
