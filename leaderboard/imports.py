"""Logs of the competition -> attributed, frozen submissions with every trial and evaluation, and their boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from leaderboard import clean, standings
from leaderboard.lifecycle.history import Attribution, Run, import_runs
from leaderboard.log_rows import run_of
from leaderboard.models import Board, Submission
from scoring.errors import InvalidLogs
from scoring.logs import Logs, SubmissionLog
from workloads import editions
from workloads.spec import Edition, Framework, Ruleset


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where logs come from, as pages say it."""

    text: str
    url: str


@dataclass(kw_only=True)
class Report:
    """What an import did."""

    imported: list[str] = field(default_factory=list)
    already_there: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # submission: why nothing of it was stored
    skipped: list[tuple[str, str]] = field(default_factory=list)  # path, reason
    trials: int = 0
    evaluations: int = 0

    def reasons(self) -> list[tuple[str, int, str]]:
        """Reasons for what was skipped, with how often, and the first path of each."""
        counts = Counter(reason for _, reason in self.skipped)
        first = {reason: path for path, reason in reversed(self.skipped)}
        return [(reason, count, first[reason]) for reason, count in counts.most_common()]


def import_logs(
    logs: Logs,
    edition_name: str,
    ruleset: str,
    source: Source,
    *,
    baseline: str = "baseline",
    progress: Callable[[SubmissionLog, int, int], None] = lambda log, done, total: None,
) -> Report:
    """Stores every submission that is not there yet, each in a transaction of its own.

    Interrupted and run again, it goes on with the next submission. Boards are computed by `show_boards`.

    Args:
        progress: called after each submission that was read, with how many were and how many there are to read.
    Raises:
        InvalidLogs: the logs as a whole cannot be read.
    """
    edition, report = editions.load(edition_name), Report()
    there = imported_keys(edition_name, ruleset)
    report.already_there = [name for name in logs.submissions if name in there]
    total = len(logs.submissions) - len(report.already_there)
    for done, log in enumerate(logs.read(skip=there), start=1):
        report.skipped += [(skip.path, skip.reason) for skip in log.skipped]
        try:
            _import_one(log, edition, ruleset, source, log.name == baseline, report)
        except InvalidLogs as error:
            report.refused[log.name] = str(error)
        progress(log, done, total)
    report.skipped += [(skip.path, skip.reason) for skip in logs.skipped]
    return report


def imported_keys(edition_name: str, ruleset: str) -> set[str]:
    """Names of the submissions of one board whose logs are stored."""
    rows = Submission.objects.from_elsewhere(edition=edition_name, ruleset=ruleset)
    return set(rows.filter(origin=Submission.Origin.IMPORTED).values_list("source_key", flat=True))


def show_boards(edition_name: str, ruleset: str, *, source: Source, even_partly: bool = False) -> list[str]:
    """Computes the boards of imported submissions anew; returns a sentence for each.

    A printed board stays as it is while one of its submissions has no logs, because scores are relative to the set.
    A board of a closed edition is frozen afterwards.
    """
    edition = editions.load(edition_name)
    rows = Submission.objects.from_elsewhere(edition=edition_name, ruleset=ruleset)
    imported = rows.filter(origin=Submission.Origin.IMPORTED).order_by()
    identities = imported.values_list("revision", "hardware_class", "hardware_model").distinct()
    said = []
    for revision, hardware_class, hardware_model in identities:
        members = rows.filter(hardware_class=hardware_class, hardware_model=hardware_model, revision=revision)
        waiting = members.filter(origin=Submission.Origin.PRINTED).count()
        identity = (edition_name, revision, ruleset, hardware_class, hardware_model)
        if waiting and not even_partly:
            said.append(f"{waiting} printed results have no logs yet: the board stays as it was printed.")
            continue
        snapshot = standings.recompute_board(*identity, reason=f"Computed from logs. {source.text}", thaw=True)
        Board.objects.filter(pk=snapshot.board_id).update(is_frozen=not edition.accepts_submissions)
        said.append(f"{snapshot}: {snapshot.head['ranked']} ranked.")
    return said


def _import_one(
    log: SubmissionLog, edition: Edition, ruleset: str, source: Source, is_baseline: bool, report: Report
) -> None:
    if log.problems:
        raise InvalidLogs("; ".join(log.problems))
    runs = list(_runs(log, edition, Ruleset(ruleset), report))
    if not runs:
        raise InvalidLogs(f"it has no trial on a workload of edition {edition.name}")
    import_runs(edition.name, ruleset, _attribution(log, source, is_baseline), runs)
    report.imported.append(log.name)
    report.trials += len(runs)
    report.evaluations += sum(len(run.evaluations) for run in runs)


def _runs(log: SubmissionLog, edition: Edition, ruleset: Ruleset, report: Report) -> Iterator[Run]:
    known = {workload.name: workload for workload in (*edition.workloads, *edition.held_out)}
    for trial in log.trials:
        workload = known.get(trial.workload)
        if workload is None:
            name = clean.one_line(trial.workload, 60)
            report.skipped.append((trial.source, f"{name} is not a workload of edition {edition.name}"))
            continue
        run, dropped = run_of(trial, workload, edition.budget_s(workload, ruleset))
        if dropped:
            report.skipped.append((trial.source, "evaluations without a finite, positive clock or without a step"))
        yield run


def _attribution(log: SubmissionLog, source: Source, is_baseline: bool) -> Attribution:
    about = log.about
    frameworks = Counter(trial.framework for trial in log.trials)
    stated = about.get("framework", "").lower()
    models = Counter(str(trial.metadata.get("gpu_model_name") or "") for trial in log.trials if trial.metadata)
    models.pop("", None)
    return Attribution(
        key=log.name,
        name=about.get("display_name", ""),
        team=about.get("printed_team", ""),
        authors=", ".join(part.strip() for part in about.get("authors", "").split(";")),
        affiliation=about.get("affiliation", ""),
        framework=stated if stated in tuple(Framework) else frameworks.most_common(1)[0][0],
        description=about.get("description", ""),
        is_baseline=is_baseline,
        source=source.text,
        source_url=source.url,
        hardware_model=models.most_common(1)[0][0] if models else "",
    )
