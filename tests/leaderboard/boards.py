"""A small edition with a held-out variant, and submissions that ran it, for tests about boards."""

import dataclasses

import scoring
from leaderboard.models import Attempt, Submission, Trial
from tests import factories
from workloads import editions
from workloads.spec import Edition, Ruleset, Target

_RESNET, _OGBG = (
    dataclasses.replace(workload, target=Target(validation=0.5), max_runtime_s=100.0)
    for workload in (editions.load("mini").workload("imagenet_resnet"), editions.load("mini").workload("ogbg"))
)
EDITION = Edition(
    name="tiny",
    revision="r1",
    title="Tiny",
    hardware_class="cpu2",
    workloads=(_RESNET, _OGBG),
    held_out=(_OGBG.variant("gelu"),),
    studies={Ruleset.EXTERNAL: 3, Ruleset.SELF_TUNING: 2},
    trials={Ruleset.EXTERNAL: 2, Ruleset.SELF_TUNING: 1},
    budget_factor={Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 2.0},
    held_out_studies=1,
)
STUDIES = {"imagenet_resnet": 2, "ogbg": 2, "ogbg_gelu": 1}
RULES = scoring.RULE_SETS[EDITION.rules]


def ran(times_s: dict[str, float | None], *, status: str = "published", **fields) -> Submission:
    """A self-tuning submission with every trial finished: seconds to the target by workload, None where it missed."""
    submission = factories.SubmissionFactory(
        sent=True, edition="tiny", hardware_class="cpu2", hardware_model="Example CPU", status=status, **fields
    )
    for workload, time_s in times_s.items():
        for number in range(1, STUDIES[workload] + 1):
            finish_trial(submission, workload, number, time_s)
    return submission


def finish_trial(submission: Submission, workload: str, study: int, time_s: float | None, **fields) -> Trial:
    """One finished trial with three evaluations; the last one reaches the target at `time_s`."""
    metric = "accuracy" if workload == "imagenet_resnet" else "mean_average_precision"
    trial = factories.TrialFactory(
        finished=True,
        study=factories.StudyFactory(submission=submission, workload=workload, number=study),
        number=1,
        ending="budget" if time_s is None else "target",
        time_to_target_s=time_s,
        **fields,
    )
    attempt = factories.AttemptFactory(trial=trial, status=Attempt.Status.FINISHED)
    end_s = time_s or 99.0
    for number, (share, value) in enumerate([(0.0, 0.1), (0.5, 0.3), (1.0, 0.4 if time_s is None else 0.6)]):
        factories.EvaluationFactory(
            attempt=attempt, number=number, charged_s=share * end_s, metrics={f"validation/{metric}": value}
        )
    return trial
