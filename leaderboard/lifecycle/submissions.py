"""A draft on its way to the queue, and out of the race again."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from leaderboard import clean, files, quotas
from leaderboard.errors import NotReady
from leaderboard.lifecycle import audit
from leaderboard.lifecycle.actors import SITE, Actor, require_member, require_member_or_operator
from leaderboard.lifecycle.states import S, locked, move, require
from leaderboard.models import Attempt, Check, Finding, Study, Submission, SubmissionFile, Team, Trial, User
from workloads import api, editions
from workloads.spec import Edition, Ruleset, Workload

# What a team may write about its own draft, with the longest text kept; None where it is not a text.
EDITABLE: Mapping[str, int | None] = {
    "name": 120,
    "ruleset": None,
    "framework": None,
    "edition": None,
    "workloads": None,
    "studies_override": None,
    "authors": 2000,
    "affiliation": 200,
    "description": 5000,
    "paper_url": 200,
    "licence": 80,
}


@transaction.atomic
def create_draft(
    team: Team, *, actor: Actor, name: str, ruleset: str, framework: str, edition: str, **fields: Any
) -> Submission:
    """Nothing -> DRAFT. `fields` are others of `EDITABLE`. Raises NotReady for an edition that is closed."""
    require_member(actor, team)
    _require_open(edition)
    draft = Submission(team=team, created_by=actor if isinstance(actor, User) else None)
    _write(draft, {"name": name, "ruleset": ruleset, "framework": framework, "edition": edition, **fields})
    draft.slug = _free_slug(f"{team.slug} {draft.name}")
    draft.save()
    audit.record(actor, "create draft", draft, after={"status": draft.status, "name": draft.name})
    return draft


@transaction.atomic
def edit_draft(submission_id: int, *, actor: Actor, **fields: Any) -> Submission:
    """DRAFT or REJECTED -> the same, with other words. Another ruleset or framework needs the checks again."""
    draft = locked(submission_id)
    require_member(actor, draft.team)
    require(draft, (S.DRAFT, S.REJECTED), to="edited")
    if any(str(getattr(draft, name)) != str(fields[name]) for name in ("ruleset", "framework") if name in fields):
        draft.checks_passed = False
    _write(draft, fields)
    draft.row_version += 1
    draft.save()
    return draft


@transaction.atomic
def accept_licence(submission_id: int, *, actor: Actor) -> Submission:
    """Notes that the team has agreed to publish the code under its licence and follows the rules."""
    draft = locked(submission_id)
    require_member(actor, draft.team)
    require(draft, Submission.UNSENT, to="accepted")
    if draft.licence_accepted_at is None:
        draft.licence_accepted_at = timezone.now()
        draft.row_version += 1
        draft.save(update_fields=["licence_accepted_at", "row_version"])
        audit.record(actor, "accept licence", draft, after={"licence": draft.licence})
    return draft


@transaction.atomic
def attach_archive(submission_id: int, data: bytes, *, actor: Actor, filename: str = "") -> Submission:
    """DRAFT or REJECTED -> VALIDATING, with other bytes. The caller enqueues the checks."""
    draft = locked(submission_id)
    require_member(actor, draft.team)
    draft.archive_sha256 = files.store(data)
    draft.archive_nbytes = len(data)
    draft.archive_name = clean.one_line(filename, 200)
    _forget_checks(draft)
    changed = [
        "archive_sha256",
        "archive_nbytes",
        "archive_name",
        "bundle_sha256",
        "search_space_json",
        "checks_passed",
    ]
    facts = {"archive_sha256": draft.archive_sha256}
    move(draft, S.VALIDATING, actor=actor, action="attach archive", changed=changed, facts=facts)
    return draft


@transaction.atomic
def check_again(submission_id: int, *, actor: Actor) -> Submission:
    """DRAFT or REJECTED -> VALIDATING, with the same bytes: another ruleset asks other things of them."""
    draft = locked(submission_id)
    require_member(actor, draft.team)
    if not draft.archive_sha256:
        raise NotReady("There is no archive yet. Upload a zip with submission.py.")
    _forget_checks(draft)
    changed = ["bundle_sha256", "search_space_json", "checks_passed"]
    move(draft, S.VALIDATING, actor=actor, action="check again", changed=changed)
    return draft


@transaction.atomic
def start_checks(submission_id: int, planned: Sequence[Mapping[str, str]]) -> Submission:
    """VALIDATING, with nothing found yet and the planned checks (`rule`, `title`, `stage`) listed as waiting."""
    draft = locked(submission_id)
    require(draft, (S.VALIDATING,), to="checked")
    _forget_checks(draft)
    draft.changed_at = timezone.now()  # a second try after a lost worker has its own deadline
    draft.row_version += 1
    draft.save()
    Check.objects.bulk_create(
        Check(submission=draft, sequence=number, **entry) for number, entry in enumerate(planned, start=1)
    )
    return draft


@transaction.atomic
def record_finding(submission_id: int, *, check: Mapping[str, str], findings: Sequence[Mapping[str, Any]]) -> None:
    """One check has ended: its state (`rule`, `title`, `stage`, `state`) and what it found."""
    draft = locked(submission_id)
    require(draft, (S.VALIDATING,), to="checked")
    row, _ = Check.objects.update_or_create(
        submission=draft,
        rule=check["rule"],
        defaults={"title": check["title"], "stage": check["stage"], "state": check["state"]},
        create_defaults={
            "title": check["title"],
            "stage": check["stage"],
            "state": check["state"],
            "sequence": draft.checks.count() + 1,
        },
    )
    first = draft.findings.count() + 1
    Finding.objects.bulk_create(
        Finding(submission=draft, check_run=row, sequence=number, **finding)
        for number, finding in enumerate(findings, start=first)
    )
    draft.row_version += 1
    draft.save(update_fields=["row_version"])


@transaction.atomic
def finish_checks(
    submission_id: int,
    *,
    passed: bool,
    bundle: bytes = b"",
    contents: Mapping[str, bytes] | None = None,
    search_space: Any = None,
    info: Mapping[str, Any] | None = None,
) -> Submission:
    """VALIDATING -> DRAFT that may be sent, or REJECTED. Findings for review hold nothing up here.

    Args:
        bundle: the normalised tar a trainer gets.
        contents: the archive's files by path, for the code pages.
        info: the checked fields of submission_info.yml; they fill what the team has left empty.
    """
    draft = locked(submission_id)
    require(draft, (S.VALIDATING,), to=S.DRAFT if passed else S.REJECTED)
    draft.checks.filter(state__in=[Check.State.WAITING, Check.State.RUNNING]).update(state=Check.State.SKIPPED)
    draft.checked_at, draft.checks_passed = timezone.now(), passed
    draft.search_space_json = "" if search_space is None else json.dumps(search_space)
    draft.bundle_sha256 = files.store(bundle) if passed else ""
    keep_files(draft, contents or {})
    _fill_from(draft, info or {})
    changed = ["checked_at", "checks_passed", "search_space_json", "bundle_sha256", *EDITABLE]
    failed = draft.findings.filter(verdict=Finding.Verdict.REJECTED).count()
    note = "" if passed else f"{failed} {'check' if failed == 1 else 'checks'} failed. Fix and send again."
    facts = {"bundle_sha256": draft.bundle_sha256}
    move(draft, S.DRAFT if passed else S.REJECTED, actor=SITE, action="check", note=note, changed=changed, facts=facts)
    return draft


@transaction.atomic
def checks_failed_to_run(submission_id: int) -> Submission:
    """VALIDATING -> DRAFT: our fault, the archive says nothing about it. The draft is kept as it was."""
    draft = locked(submission_id)
    draft.checks.filter(state__in=[Check.State.WAITING, Check.State.RUNNING]).update(state=Check.State.SKIPPED)
    note = "The checks could not run; this is our failure, not the archive's. Upload it again."
    move(draft, S.DRAFT, actor=SITE, action="check", note=note)
    return draft


@transaction.atomic
def send_submission(submission_id: int, *, actor: Actor, within_quota: bool = True) -> Submission:
    """DRAFT -> QUEUED: fixes revision and seeds, samples the hyperparameters, makes all studies and trials.

    Raises:
        NotReady: no archive, checks not passed, the licence statement is missing, or the edition is closed.
        QuotaExceeded: the team has used up what it may send; the machine's own shell may set `within_quota` to False.
    """
    draft = locked(submission_id)
    Team.objects.select_for_update().get(pk=draft.team_id)  # two drafts sent at once count each other
    require_member(actor, draft.team)
    require(draft, (S.DRAFT,), to=S.QUEUED)
    _require_complete(draft)
    _require_open(draft.edition)
    now = timezone.now()
    if within_quota:
        quotas.require_room(draft.team, now=now)
    edition = editions.load(draft.edition)
    draft.revision, draft.hardware_class = edition.revision, edition.hardware_class
    draft.seed_root, draft.sent_at = secrets.token_hex(16), now
    _make_studies(draft, edition)
    changed = ["revision", "hardware_class", "seed_root", "sent_at"]
    facts = {"revision": draft.revision, "bundle_sha256": draft.bundle_sha256}
    move(draft, S.QUEUED, actor=actor, action="send", changed=changed, facts=facts)
    return draft


@transaction.atomic
def cancel_submission(submission_id: int, *, actor: Actor) -> Submission:
    """QUEUED or RUNNING -> CANCELLED. Waiting trials end here, running ones with their next heartbeat."""
    submission = locked(submission_id)
    require_member_or_operator(actor, submission.team)
    require(submission, (S.QUEUED, S.RUNNING), to=S.CANCELLED)
    stop_trials(submission)
    submission.finished_at = timezone.now()
    note = f"Cancelled on {submission.finished_at:%-d %b %Y}; what was measured is kept."
    move(submission, S.CANCELLED, actor=actor, action="cancel", note=note, changed=["finished_at"])
    return submission


@transaction.atomic
def withdraw_submission(submission_id: int, *, actor: Actor) -> Submission:
    """PUBLISHED, INCOMPLETE or IN_REVIEW -> WITHDRAWN: listed under "Not ranked" from now on."""
    submission = locked(submission_id)
    require_member(actor, submission.team)
    require(submission, (S.PUBLISHED, S.INCOMPLETE, S.IN_REVIEW), to=S.WITHDRAWN)
    submission.closed_at = timezone.now()
    note = f"Withdrawn by the team on {submission.closed_at:%-d %b %Y}."
    move(submission, S.WITHDRAWN, actor=actor, action="withdraw", note=note, changed=["closed_at"])
    return submission


@transaction.atomic
def discard_draft(submission_id: int, *, actor: Actor) -> None:
    """Removes a submission that was never sent, with its findings. Its files go with the next clean-up."""
    draft = locked(submission_id)
    require_member(actor, draft.team)
    require(draft, Submission.UNSENT, to="discarded")
    audit.record(actor, "discard draft", draft, before={"status": draft.status, "name": draft.name})
    draft.delete()


@transaction.atomic
def new_version(submission_id: int, *, actor: Actor) -> Submission:
    """A sent submission -> a fresh DRAFT with the same words, the next number and no archive."""
    old = locked(submission_id)
    require_member(actor, old.team)
    if old.sent_at is None:
        raise NotReady("This draft has not been sent yet; change it instead of starting a new version.")
    _require_open(old.edition)
    draft = Submission(team=old.team, created_by=actor if isinstance(actor, User) else None, previous=old)
    _write(draft, {name: getattr(old, name) for name in EDITABLE})
    draft.version = old.version + 1
    draft.slug = _free_slug(f"{old.team.slug} {old.name} v{draft.version}")
    draft.save()
    audit.record(actor, "new version", draft, after={"status": draft.status, "previous": old.pk})
    return draft


def stop_trials(submission: Submission) -> None:
    """Ends every open trial. An attempt a host has not claimed ends too; a running one is told to stop."""
    now = timezone.now()
    open_trials = Trial.objects.open().filter(study__submission=submission)
    Attempt.objects.filter(trial__in=open_trials, status=Attempt.Status.LEASED).update(
        status=Attempt.Status.CANCELLED, ending="cancelled", finished_at=now
    )
    open_trials.update(status=Trial.Status.CANCELLED, ending="cancelled", finished_at=now)


def _write(draft: Submission, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        limit = EDITABLE[name]  # KeyError: a bug of the caller, not of the team
        if limit is not None:
            text = str(value or "")
            value = clean.block(text[:limit], limit) if limit > 500 else clean.one_line(text, limit)
        setattr(draft, name, value)
    draft.name = draft.name or "Unnamed"


def _free_slug(text: str) -> str:
    wanted = slugify(text)[:130] or "submission"
    if not Submission.objects.filter(slug=wanted).exists():
        return wanted
    return f"{wanted}-{secrets.token_hex(3)}"


def _forget_checks(draft: Submission) -> None:
    draft.findings.all().delete()
    draft.checks.all().delete()
    draft.files.all().delete()
    draft.bundle_sha256, draft.search_space_json, draft.checks_passed = "", "", False


def keep_files(submission: Submission, contents: Mapping[str, bytes]) -> None:
    """Stores the files of a submission by path, for the code pages."""
    SubmissionFile.objects.bulk_create(
        SubmissionFile(submission=submission, path=path, sha256=files.store(data), nbytes=len(data))
        for path, data in sorted(contents.items())
    )


def _fill_from(draft: Submission, info: Mapping[str, Any]) -> None:
    known = {"authors": "authors", "affiliation": "affiliation", "description": "description", "licence": "licence"}
    empty = {field: info[key] for key, field in known.items() if info.get(key) and not getattr(draft, field)}
    _write(draft, {field: ", ".join(value) if isinstance(value, list) else value for field, value in empty.items()})


def _require_complete(draft: Submission) -> None:
    if not draft.archive_sha256:
        raise NotReady("There is no archive yet. Upload a zip with submission.py.")
    if not draft.checks_passed:
        raise NotReady("The checks have not passed. Fix what they found and upload the archive again.")
    if draft.licence_accepted_at is None:
        raise NotReady("The licence statement has not been accepted.")


def _require_open(edition_name: str) -> None:
    if not editions.load(edition_name).accepts_submissions:
        raise NotReady(f"Edition {edition_name} is closed: its boards stay as they are. Choose another edition.")


def selected_workloads(submission: Submission, edition: Edition) -> list[Workload]:
    """What a submission runs, base workloads first. Raises NotReady for a name the edition does not have."""
    if not submission.workloads:
        return [*edition.workloads, *edition.held_out]
    try:
        chosen = {edition.workload(name).name for name in submission.workloads}
    except KeyError as error:
        raise NotReady(f"{error.args[0]}.") from None
    return [workload for workload in (*edition.workloads, *edition.held_out) if workload.name in chosen]


def study_count(submission: Submission, edition: Edition, workload: Workload) -> int:
    """How many studies of one workload a submission runs."""
    held_out = workload in edition.held_out
    wanted = edition.held_out_studies if held_out else edition.studies[Ruleset(submission.ruleset)]
    return wanted if submission.studies_override is None else min(wanted, max(1, submission.studies_override))


def seed_of(seed_root: str, workload: str, study: int, trial: int) -> int:
    """The seed of one trial, 31 bits: fixed by what was drawn at sending, so that anybody can recompute it."""
    digest = hashlib.sha256(f"{seed_root}/{workload}/{study}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _make_studies(submission: Submission, edition: Edition) -> None:
    """Study 1 of every workload first, then study 2: every workload gives an early answer."""
    chosen = selected_workloads(submission, edition)
    counts = {workload.name: study_count(submission, edition, workload) for workload in chosen}
    held_out = {workload.name for workload in edition.held_out}
    position = 0
    for number in range(1, max(counts.values()) + 1):
        for workload in chosen:
            if number > counts[workload.name]:
                continue
            study = Study.objects.create(
                submission=submission,
                workload=workload.name,
                number=number,
                position=position,
                is_held_out=workload.name in held_out,
            )
            position += 1
            _make_trials(study, _points(submission, edition, number))


def _points(submission: Submission, edition: Edition, number: int) -> Sequence[Mapping[str, Any] | None]:
    count = edition.trials[Ruleset(submission.ruleset)]
    if submission.ruleset == Ruleset.SELF_TUNING:
        return [None] * count
    return api.sample(api.parse_search_space(submission.search_space), count, number - 1)


def _make_trials(study: Study, points: Sequence[Mapping[str, Any] | None]) -> None:
    root = study.submission.seed_root
    Trial.objects.bulk_create(
        Trial(
            study=study,
            number=number,
            seed=seed_of(root, study.workload, study.number, number),
            hyperparameters=point,
        )
        for number, point in enumerate(points, start=1)
    )
