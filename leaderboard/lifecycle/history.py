"""Results that were measured elsewhere: attributed, frozen, with no member who could change them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from leaderboard import clean
from leaderboard.lifecycle import audit
from leaderboard.lifecycle.actors import SHELL
from leaderboard.lifecycle.states import S, locked
from leaderboard.lifecycle.submissions import keep_files
from leaderboard.lifecycle.teams import free_slug
from leaderboard.models import Attempt, Evaluation, Host, Study, Submission, Team, Trial
from workloads import editions

BATCH = 2_000
NO_KEY = "!"  # no key has this hash


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Whose results these are, in the words of their source. Every text is cleaned before it is stored."""

    key: str  # the submission's name there
    name: str  # where it is empty, words made of the key
    team: str = ""
    authors: str = ""
    affiliation: str = ""
    framework: str
    description: str = ""
    is_baseline: bool = False
    source: str
    source_url: str = ""
    hardware_model: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One trial of a log, as rows that are not stored yet; their foreign keys are set when they are."""

    workload: str
    study: int
    trial: Trial
    attempt: Attempt
    evaluations: list[Evaluation]


@transaction.atomic
def record_printed(edition_name: str, ruleset: str, about: Attribution) -> Submission:
    """Nothing -> PUBLISHED, with nothing but the words of its source; a second time it is returned as it is."""
    found = _find(edition_name, ruleset, about.key)
    if found is not None:
        return found
    submission = _create(edition_name, ruleset, about, Submission.Origin.PRINTED)
    audit.record(SHELL, "record printed result", submission, after={"status": submission.status})
    return submission


@transaction.atomic
def import_runs(edition_name: str, ruleset: str, about: Attribution, runs: Iterable[Run]) -> Submission:
    """Nothing, or a printed entry -> PUBLISHED with every trial and evaluation of its log, all or nothing.

    Its board is not computed here: that waits for the last submission of an import.
    """
    found = _find(edition_name, ruleset, about.key)
    if found is None:
        submission = _create(edition_name, ruleset, about, Submission.Origin.IMPORTED)
    else:
        submission = locked(found.pk)
        _attribute(submission, about)
        submission.origin = Submission.Origin.IMPORTED
        submission.row_version += 1
        submission.save()
    counts = _store(submission, runs)
    audit.record(SHELL, "import logs", submission, after={"origin": submission.origin, **counts})
    return submission


@transaction.atomic
def record_shipped(
    edition_name: str,
    ruleset: str,
    about: Attribution,
    runs: Iterable[Run],
    contents: Mapping[str, bytes],
    **fields: str,
) -> Submission:
    """Nothing -> PUBLISHED with its code and every trial and evaluation that came with the site; once.

    Args:
        contents: the submission's files by path, for the code pages.
        fields: others of the row, as they were where it ran: revision, archive_sha256, search_space_json.
    """
    found = _find(edition_name, ruleset, about.key)
    if found is not None:
        return found
    submission = _create(edition_name, ruleset, about, Submission.Origin.SHIPPED)
    for name, value in fields.items():
        setattr(submission, name, value)
    submission.save()
    keep_files(submission, contents)
    counts = _store(submission, runs)
    audit.record(SHELL, "load shipped result", submission, after={"origin": submission.origin, **counts})
    return submission


def _find(edition_name: str, ruleset: str, key: str) -> Submission | None:
    return Submission.objects.from_elsewhere(edition=edition_name, ruleset=ruleset).filter(source_key=key).first()


def _create(edition_name: str, ruleset: str, about: Attribution, origin: str) -> Submission:
    edition, now = editions.load(edition_name), timezone.now()
    submission = Submission(
        edition=edition.name,
        revision=edition.revision,
        ruleset=ruleset,
        hardware_class=edition.hardware_class,
        origin=origin,
        source_key=clean.one_line(about.key, 120),
        status=S.PUBLISHED,
        licence="Apache-2.0",
        slug=_free_slug(f"{_name(about)} {ruleset} {edition.name}"),
        style_slot=None if about.is_baseline else _next_slot(ruleset),
    )
    _attribute(submission, about)
    moment = about.published_at or now
    submission.sent_at = submission.finished_at = submission.published_at = submission.changed_at = moment
    submission.save()
    return submission


def _attribute(submission: Submission, about: Attribution) -> None:
    """Writes who they are; what is known already and not said again stays."""
    if about.name or not submission.name:
        submission.name = _name(about)
    submission.framework = about.framework
    submission.is_baseline = about.is_baseline
    words = {
        "authors": clean.one_line(about.authors, 2000),
        "affiliation": clean.one_line(about.affiliation, 200),
        "description": clean.block(about.description, 5000),
        "source": clean.block(about.source, 1000),
        "source_url": clean.one_line(about.source_url, 200),
        "hardware_model": clean.one_line(about.hardware_model, 120),
    }
    for field, text in words.items():
        if text:
            setattr(submission, field, text)
    if submission.team_id is None or about.team:
        submission.team = _team(about)


def _name(about: Attribution) -> str:
    return clean.one_line(about.name or about.key.replace("_", " "), 120) or "Unnamed"


def _team(about: Attribution) -> Team:
    """The team of these people. One that has an account here is never taken for it, whatever it is called."""
    name = clean.one_line(about.team or about.affiliation or "Unknown team", 60)
    names = [name, f"{name} (elsewhere)", *(f"{name} (elsewhere {number})" for number in range(2, 1000))]
    found = Team.objects.filter(name__in=names, is_attributed=True).first()
    if found is not None:
        return found
    taken = set(Team.objects.filter(name__startswith=name).values_list("name", flat=True))
    free = next(candidate for candidate in names if candidate not in taken)
    team = Team.objects.create(
        name=free, slug=free_slug(free), affiliation=clean.one_line(about.affiliation, 200), is_attributed=True
    )
    audit.record(SHELL, "create team", team, after={"name": team.name, "is_attributed": True})
    return team


def _free_slug(words: str) -> str:
    """Unique and short enough to be an address."""
    stem = slugify(words.replace(".", "-"))[:130] or "submission"
    taken = set(Submission.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


def _next_slot(ruleset: str) -> int:
    last: int | None = Submission.objects.filter(ruleset=ruleset).aggregate(last=Max("style_slot"))["last"]
    return 0 if last is None else last + 1


def _store(submission: Submission, runs: Iterable[Run]) -> Mapping[str, Any]:
    """Studies, trials, attempts and evaluations of one submission in few statements; returns how many."""
    listed = list(runs)
    edition = editions.load(submission.edition)
    order = {row.name: place for place, row in enumerate((*edition.workloads, *edition.held_out))}
    held_out = {row.name for row in edition.held_out}
    keys = sorted({(run.study, order[run.workload], run.workload) for run in listed})
    studies = Study.objects.bulk_create(
        Study(
            submission=submission,
            workload=workload,
            number=number,
            position=position,
            is_held_out=workload in held_out,
        )
        for position, (number, _, workload) in enumerate(keys)
    )
    study_of = {(study.workload, study.number): study for study in studies}
    host = _host(submission)
    for run in listed:
        run.trial.study = study_of[run.workload, run.study]
    Trial.objects.bulk_create([run.trial for run in listed], batch_size=BATCH)
    for run in listed:
        run.attempt.trial, run.attempt.host = run.trial, host
    Attempt.objects.bulk_create([run.attempt for run in listed], batch_size=BATCH)
    evaluations: list[Evaluation] = []
    for run in listed:
        for row in run.evaluations:
            row.attempt = run.attempt
        evaluations += run.evaluations
    Evaluation.objects.bulk_create(evaluations, batch_size=BATCH)
    return {"trials": len(listed), "evaluations": len(evaluations)}


def _host(submission: Submission) -> Host:
    """Stands for the machines of elsewhere. It is retired, has no key and is shown nowhere as a host of ours."""
    name = slugify(f"elsewhere-{submission.edition}-{submission.hardware_model}".replace(".", "-"))[:40].strip("-")
    host, _ = Host.objects.get_or_create(
        name=name,
        defaults={
            "hardware_class": submission.hardware_class,
            "hardware_model": submission.hardware_model,
            "key_hash": NO_KEY,
            "is_draining": True,
            "retired_at": timezone.now(),
        },
    )
    return host
