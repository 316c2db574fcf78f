"""`manage.py submit FOLDER --team T --ruleset R ...`: from a folder to a run, without a browser."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from leaderboard import sending
from leaderboard.embedded.site import EmbeddedSite, migrate_if_needed, some_site
from leaderboard.errors import LeaderboardError, NotAccepted
from leaderboard.models import Attempt, Submission, Trial
from leaderboard.run_document import run_document
from sandbox_runner import compliance
from workloads import editions
from workloads.errors import UnknownWorkload
from workloads.spec import Framework, Ruleset

EXIT_SUBMISSION, EXIT_SITE = 1, 2
POLL_S = 1.0
UNFINISHED = (*Submission.ACTIVE, Submission.Status.VALIDATING)
WENT_WELL = ("target", "budget", "complete")


class Command(BaseCommand):
    """Exit status 0 when the run itself worked, also when a target was missed; 1: the submission's fault; 2: ours."""

    help = "Check, send and run a submission; with --wait, start what that needs and print the run as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("archive", type=Path, help="folder or zip with submission.py")
        parser.add_argument("--team", required=True, help="name; it is created if there is none")
        parser.add_argument("--name", help="of the submission; default: the folder's")
        parser.add_argument("--ruleset", required=True, choices=list(Ruleset))
        parser.add_argument("--framework", choices=list(Framework), help="default: the folder's name, else its imports")
        parser.add_argument("--edition", default=settings.DEFAULT_EDITION)
        parser.add_argument("--workloads", nargs="*", default=[], help="names; default: all of the edition")
        parser.add_argument("--studies", type=int, help="default: as many as the edition asks for")
        parser.add_argument("--wait", action="store_true", help="until it has run")
        parser.add_argument("--json", action="store_true", help="print the run as JSON on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            migrate_if_needed(self.say)
            submission = self._send(options)
            if options["wait"]:
                with some_site(self.say) as site:
                    self._follow(submission, site)
        except NotAccepted as error:
            raise CommandError(str(error), returncode=EXIT_SUBMISSION) from None
        except LeaderboardError as error:
            raise CommandError(str(error), returncode=EXIT_SITE) from None
        submission.refresh_from_db()
        if options["json"]:
            self.stdout.write(json.dumps(run_document(submission), indent=2, allow_nan=False))
        self.say(f"{submission.get_status_display()}. {submission.status_note}".strip())
        if options["wait"]:
            _raise_for_failures(submission)

    def say(self, line: str) -> None:
        """Progress goes to stderr, so that stdout holds the JSON alone."""
        self.stderr.write(line, ending="\n")
        self.stderr.flush()

    def _send(self, options: dict[str, Any]) -> Submission:
        data, framework = _read(options["archive"], options["framework"])
        _require_edition(options["edition"], options["workloads"])
        order = sending.Order(
            data=data,
            filename=options["archive"].name,
            name=options["name"] or _name(options["archive"]),
            framework=framework,
            ruleset=options["ruleset"],
            edition=options["edition"],
            workloads=options["workloads"],
            studies=options["studies"],
        )
        submission = sending.send(order, sending.team_named(options["team"]), self.say)
        count = Trial.objects.filter(study__submission=submission).count()
        self.say(f"Sent {submission} as {submission.slug}: {count} trials.")
        return submission

    def _follow(self, submission: Submission, site: EmbeddedSite | None) -> None:
        shown = ""
        while True:
            submission.refresh_from_db()
            if submission.status not in UNFINISHED and not submission.awaits_standings:
                return
            line = _progress(submission)
            if line != shown:
                self.say(line)
                shown = line
            if site is not None:
                site.check()
            connections.close_all()  # SQLite: a reader that stays open keeps the log from being folded in
            time.sleep(POLL_S)


def _read(path: Path, framework: str | None) -> tuple[bytes, str]:
    try:
        data = compliance.zip_of_folder(path) if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=EXIT_SUBMISSION) from None
    except compliance.ArchiveRejected as error:
        raise CommandError(f"The submission is not accepted. {error}", returncode=EXIT_SUBMISSION) from None
    named = path.resolve().stem
    chosen = framework or (named if named in tuple(Framework) else "")
    if not chosen:
        raise CommandError("Say --framework jax or --framework pytorch: the folder's name does not tell.")
    return data, chosen


def _name(path: Path) -> str:
    """`algorithms/adamw/pytorch` is called adamw."""
    resolved = path.resolve()
    return resolved.parent.name if resolved.stem in tuple(Framework) else resolved.stem


def _require_edition(name: str, workloads: list[str]) -> None:
    try:
        edition = editions.load(name)
        for workload in workloads:
            edition.workload(workload)
    except (UnknownWorkload, KeyError) as error:
        raise CommandError(str(error.args[0])) from None


def _progress(submission: Submission) -> str:
    trials = Trial.objects.filter(study__submission=submission)
    running = trials.filter(status=Trial.Status.RUNNING).select_related("study").first()
    now = f", now {running.study.workload} study {running.study.number} trial {running.number}" if running else ""
    lost = Attempt.objects.filter(trial__in=trials).order_by("-leased_at").first()
    if lost is not None and lost.status == Attempt.Status.LOST:
        now = f". The last attempt was lost and runs again: {lost.message}"
    ended = trials.exclude(status__in=Trial.OPEN).count()
    return f"{submission.get_status_display()}: {ended} of {trials.count()} trials{now}"


def _raise_for_failures(submission: Submission) -> None:
    """Says whose fault it was when a trial did not end in the ordinary way."""
    trials = Trial.objects.filter(study__submission=submission).select_related("study")
    lost = [trial for trial in trials if trial.status == Trial.Status.GIVEN_UP]
    failed = [trial for trial in trials if trial.ending and trial.ending not in WENT_WELL and trial not in lost]
    if lost:
        raise CommandError(f"The host's fault, charged to nobody: {lost[0].message}", returncode=EXIT_SITE)
    if submission.status == Submission.Status.CANCELLED:
        raise CommandError("It was cancelled.", returncode=EXIT_SUBMISSION)
    if failed:
        first = failed[0]
        raise CommandError(
            f"The submission's fault in {len(failed)} of {len(trials)} trials; the first is {first.study.workload} "
            f"study {first.study.number} trial {first.number}: {first.ending}. {first.message}",
            returncode=EXIT_SUBMISSION,
        )
