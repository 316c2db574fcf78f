"""The reference submissions on the board of this machine: which ones, what of it is done, how long the rest takes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from leaderboard import estimates, lifecycle, references, sending
from leaderboard.embedded.host import LOCAL
from leaderboard.models import Attempt, Host, Standing, Submission, Trial
from workloads import editions
from workloads.spec import Framework, Ruleset

TEAM = "AlgoPerf references"
S = Submission.Status


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One reference submission under one ruleset: `algorithms/<algorithm>/<framework>`."""

    algorithm: str
    framework: Framework
    ruleset: Ruleset
    is_baseline: bool = False  # what the others of its board are compared with

    @property
    def folder(self) -> str:
        return f"{self.algorithm}/{self.framework}"

    def __str__(self) -> str:
        return f"{self.folder}, {self.ruleset.replace('_', '-')}"


def _own(algorithm: str, framework: Framework, **fields: bool) -> Entry:
    return Entry(algorithm=algorithm, framework=framework, ruleset=Ruleset.SELF_TUNING, **fields)


ENTRIES = (
    _own("nadamw", Framework.JAX, is_baseline=True),
    _own("nadamw", Framework.PYTORCH),
    _own("adamw", Framework.PYTORCH),
    _own("nesterov", Framework.JAX),
    _own("heavy_ball", Framework.PYTORCH),
    _own("schedule_free_adamw", Framework.PYTORCH),
    _own("muon", Framework.JAX),
    Entry(algorithm="nadamw", framework=Framework.JAX, ruleset=Ruleset.EXTERNAL, is_baseline=True),
    Entry(algorithm="nadamw", framework=Framework.PYTORCH, ruleset=Ruleset.EXTERNAL),
)
"""What fills the boards, in the order it is sent: the short runs first."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How much of an edition the entries run."""

    edition: str
    workloads: tuple[str, ...] = ()  # empty: all of them, to be ranked
    studies: int | None = None


def choose(names: Sequence[str], rulesets: Sequence[str]) -> list[Entry]:
    """Entries by name, `nadamw` or `nadamw/jax`, and ruleset; nothing named means all of them.

    Raises:
        KeyError: a name that no entry has.
    """
    for name in names:
        if not any(name in (entry.algorithm, entry.folder) for entry in ENTRIES):
            known = ", ".join(dict.fromkeys(entry.folder for entry in ENTRIES))
            raise KeyError(f"{name} is no reference entry; there are: {known}")
    return [
        entry
        for entry in ENTRIES
        if (not names or {entry.algorithm, entry.folder} & set(names)) and (not rulesets or entry.ruleset in rulesets)
    ]


def enter(entry: Entry, scope: Scope, say: Callable[[str], None]) -> Submission | None:
    """The submission of an entry: the one that is here already with the same files and extent, else a new one.

    None where `algorithms/` lacks it. What was begun and never sent is thrown away first.
    """
    reference = references.find(entry.algorithm, entry.framework)
    if reference is None:
        say(f"{entry}: left out, algorithms/{entry.folder} is not there.")
        return None
    data, team = references.as_zip(reference), sending.team_named(TEAM)
    order = sending.Order(
        data=data,
        filename=reference.archive_name,
        name=reference.title,
        framework=entry.framework,
        ruleset=entry.ruleset,
        edition=scope.edition,
        workloads=list(scope.workloads),
        studies=scope.studies,
    )
    found = _already_there(order, team.pk)
    if found is not None:
        say(f"{entry}: here already as {found.slug}, {found.get_status_display().lower()}.")
        return found
    for draft in Submission.objects.filter(team=team, name=order.name, status__in=Submission.UNSENT):
        lifecycle.discard_draft(draft.pk, actor="shell")
    submission = sending.send(order, team, lambda line: None if line.startswith("note:") else say(line))
    if entry.is_baseline:
        submission = lifecycle.set_baseline(submission.pk, actor="shell", is_baseline=True)
    say(f"{entry}: sent as {submission.slug}.")
    return submission


def _already_there(order: sending.Order, team: int) -> Submission | None:
    """What was sent before and still counts: the same bytes and extent, revision and kind of machine."""
    model = Host.objects.filter(name=LOCAL).values_list("hardware_model", flat=True).first()
    machine = Q(hardware_model__in=["", model]) if model else Q()
    rows = Submission.objects.filter(
        machine,
        team=team,
        archive_sha256=hashlib.sha256(order.data).hexdigest(),
        edition=order.edition,
        revision=editions.load(order.edition).revision,
        ruleset=order.ruleset,
        framework=order.framework,
        studies_override=order.studies,
        status__in=[*Submission.ACTIVE, S.IN_REVIEW, S.PUBLISHED, S.INCOMPLETE],
    )
    return next((row for row in rows.order_by("-pk") if sorted(row.workloads) == sorted(order.workloads)), None)


# --- how far it is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far some submissions are. Seconds; the estimate is None before the first trial has ended."""

    ended: int
    total: int
    charged_s: float
    wall_s: float
    left_s: float | None
    now: str  # what runs, "" while nothing does

    @property
    def is_done(self) -> bool:
        return self.ended == self.total


def progress_of(submissions: Sequence[Submission]) -> Progress:
    """Where the trials of these submissions are, and how long the rest takes at the pace of those that ended."""
    trials = Trial.objects.filter(study__submission__in=[row.pk for row in submissions])
    attempts = Attempt.objects.filter(trial__in=trials)
    running = trials.filter(status=Trial.Status.RUNNING).select_related("study__submission").first()
    charged = trials.values_list("charged_s", flat=True)
    left = estimates.left_s(estimates.Pace.of(attempts), submissions).values()
    return Progress(
        ended=trials.exclude(status__in=Trial.OPEN).count(),
        total=trials.count(),
        charged_s=sum(filter(None, charged)),
        wall_s=_wall_s(attempts),
        left_s=None if None in left else sum(filter(None, left)),
        now=f"{running.study}, trial {running.number}" if running else "",
    )


def _wall_s(attempts: QuerySet[Attempt]) -> float:
    """Seconds on the wall clock of every attempt that gave a result: set-up and evaluations are in it."""
    ended = attempts.filter(status=Attempt.Status.FINISHED).only("leased_at", "finished_at")
    return sum((row.finished_at - row.leased_at).total_seconds() for row in ended if row.finished_at is not None)


# --- what came of it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Result:
    """One submission in the table at the end. Seconds; `charged_s` and `reached` by workload."""

    name: str
    ruleset: str
    status: str
    score: float | None
    charged_s: dict[str, float]  # mean of its trials
    reached: dict[str, tuple[int, int]]  # trials that reached the target, trials
    wall_s: float


def results_of(submissions: Iterable[Submission]) -> list[Result]:
    """What each submission took and got."""
    return [_result(Submission.objects.get(pk=row.pk)) for row in submissions]


def _result(submission: Submission) -> Result:
    trials = Trial.objects.filter(study__submission=submission)
    charged: dict[str, list[float]] = defaultdict(list)
    reached: dict[str, list[bool]] = defaultdict(list)
    rows = trials.results().order_by("study__is_held_out", "study__workload")
    for workload, charged_s, time_s in rows.values_list("study__workload", "charged_s", "time_to_target_s"):
        charged[workload].append(charged_s or 0.0)
        reached[workload].append(time_s is not None)
    standing = Standing.objects.for_submission(submission).first()
    return Result(
        name=str(submission),
        ruleset=submission.ruleset,
        status=submission.get_status_display().lower(),
        score=standing.benchmark_score if standing else None,
        charged_s={name: sum(times) / len(times) for name, times in charged.items()},
        reached={name: (sum(hits), len(hits)) for name, hits in reached.items()},
        wall_s=_wall_s(Attempt.objects.filter(trial__in=trials)),
    )


def table_of(results: Sequence[Result]) -> list[str]:
    """The results as lines: a block per submission, a line per workload, charged seconds as means of its trials."""
    lines = []
    for result in results:
        score = "not ranked" if result.score is None else f"score {result.score:.4f}"
        lines.append(f"{result.name}, {result.ruleset}: {score}, {result.status}, wall {clock(result.wall_s)}")
        for workload, charged_s in result.charged_s.items():
            hits, trials = result.reached[workload]
            lines.append(f"  {workload:32} {charged_s:8.1f} s charged   target in {hits} of {trials} trials")
    return lines


def clock(seconds: float) -> str:
    """h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
