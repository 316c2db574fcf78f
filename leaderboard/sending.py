"""From a folder or zip on this machine to a sent submission: what every entrance of the shell shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from leaderboard import intake, lifecycle
from leaderboard.errors import NotAccepted
from leaderboard.lifecycle.teams import free_slug
from leaderboard.models import Finding, Submission, Team


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to enter, and how much of it to run."""

    data: bytes  # the archive
    filename: str
    name: str
    framework: str
    ruleset: str
    edition: str
    workloads: list[str] = field(default_factory=list)  # empty: all of the edition
    studies: int | None = None  # None: as many as the edition asks for


def send(order: Order, team: Team, say: Callable[[str], None]) -> Submission:
    """Nothing -> QUEUED, beyond every quota; what the checks found is said. Raises NotAccepted when they reject it."""
    draft = lifecycle.create_draft(
        team,
        actor="shell",
        name=order.name,
        ruleset=order.ruleset,
        framework=order.framework,
        edition=order.edition,
        workloads=order.workloads,
        studies_override=order.studies,
    )
    lifecycle.attach_archive(draft.pk, order.data, actor="shell", filename=order.filename)
    checked = intake.check_submission(draft.pk)
    _say_findings(checked, say)
    if not checked.is_ready:
        raise NotAccepted(f"The submission is not accepted. {checked.status_note}")
    lifecycle.accept_licence(draft.pk, actor="shell")
    return lifecycle.send_submission(draft.pk, actor="shell", within_quota=False)


def team_named(name: str) -> Team:
    """The team of that name or slug, made if there is none. One that stands for people elsewhere is never taken."""
    ours = Team.objects.filter(is_attributed=False)
    team = ours.filter(name=name).first() or ours.filter(slug=name).first()
    if team is not None:
        return team
    name = f"{name[:70]} (here)" if Team.objects.filter(name=name[:80]).exists() else name[:80]
    team, is_new = Team.objects.get_or_create(name=name, defaults={"slug": free_slug(name)})
    if is_new:
        lifecycle.record("shell", "create team", team, after={"name": team.name})
    return team


def _say_findings(submission: Submission, say: Callable[[str], None]) -> None:
    for finding in submission.findings.exclude(verdict=Finding.Verdict.PASSED):
        place = f"{finding.path}:{finding.line}: " if finding.line else f"{finding.path}: " if finding.path else ""
        say(f"{finding.verdict}: {place}{finding.message} {finding.fix} [{finding.rule}]")
