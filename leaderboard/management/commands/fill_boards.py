"""`manage.py fill_boards`: the reference submissions through this site's own sandbox, onto this machine's boards."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from leaderboard import filling
from leaderboard.embedded.signals import Signals
from leaderboard.embedded.site import EmbeddedSite, migrate_if_needed, some_site
from leaderboard.errors import LeaderboardError
from leaderboard.models import Submission
from workloads import editions
from workloads.errors import UnknownWorkload
from workloads.spec import Edition, Ruleset

EXIT_SITE, EXIT_STOPPED = 2, 130
POLL_S = 1.0
UNFINISHED = (*Submission.ACTIVE, Submission.Status.VALIDATING)


class Command(BaseCommand):
    """Stopped and started again it goes on: no trial that has ended runs twice, no submission is entered twice."""

    help = "Enter the reference submissions and run them in the sandbox of this machine. Ctrl-C ends it in order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", help="nadamw or nadamw/jax; default: every entry")
        parser.add_argument("--ruleset", action="append", default=[], choices=list(Ruleset), help="default: both")
        parser.add_argument("--edition", default=settings.DEFAULT_EDITION)
        parser.add_argument("--workloads", nargs="+", default=[], help="default: all of the edition, to be ranked")
        parser.add_argument("--studies", type=int, help="default: as many as the edition asks for")
        parser.add_argument(
            "--quick", action="store_true", help="a quick look: one study of a few families, self-tuning"
        )
        parser.add_argument("--list", action="store_true", help="print the chosen entries and end")

    def handle(self, *args: Any, **options: Any) -> None:
        edition = _edition(options["edition"], options["workloads"])
        scope, rulesets = _scope(edition, options)
        try:
            entries = filling.choose(options["names"], rulesets)
        except KeyError as error:
            raise CommandError(str(error.args[0])) from None
        if options["list"]:
            for entry in entries:
                self.stdout.write(str(entry))
            return
        with Signals() as stop:
            try:
                submissions = self._fill(entries, scope, stop)
            except LeaderboardError as error:
                raise CommandError(str(error), returncode=EXIT_SITE) from None
        if stop.count:
            raise CommandError("Stopped. What has ended is kept; start it again to go on.", returncode=EXIT_STOPPED)
        for line in filling.table_of(filling.results_of(submissions)):
            self.stdout.write(line)

    def say(self, line: str) -> None:
        """Progress goes to stderr, so that stdout holds the table alone."""
        self.stderr.write(line, ending="\n")
        self.stderr.flush()

    def _fill(self, entries: list[filling.Entry], scope: filling.Scope, stop: Signals) -> list[Submission]:
        migrate_if_needed(self.say)
        submissions = self._enter(entries, scope, stop)
        if not stop.count and _unfinished(submissions):
            with some_site(self.say) as site:
                self._follow(submissions, site, stop)
        return submissions

    def _enter(self, entries: list[filling.Entry], scope: filling.Scope, stop: Signals) -> list[Submission]:
        submissions = []
        for entry in entries:
            if stop.count:
                break
            submission = filling.enter(entry, scope, self.say)
            if submission is not None:
                submissions.append(submission)
        return submissions

    def _follow(self, submissions: list[Submission], site: EmbeddedSite | None, stop: Signals) -> None:
        shown = None
        while not stop.count and _unfinished(submissions):
            progress = filling.progress_of(submissions)
            if (progress.ended, progress.now) != shown:
                shown = (progress.ended, progress.now)
                self.say(_line(progress))
            if site is not None:
                site.check()
            connections.close_all()  # SQLite: a reader that stays open keeps the log from being folded in
            time.sleep(POLL_S)


def _edition(name: str, workloads: list[str]) -> Edition:
    try:
        edition = editions.load(name)
        for workload in workloads:
            edition.workload(workload)
    except (UnknownWorkload, KeyError) as error:
        raise CommandError(str(error.args[0])) from None
    return edition


def _scope(edition: Edition, options: dict[str, Any]) -> tuple[filling.Scope, list[str]]:
    if not options["quick"]:
        scope = filling.Scope(edition=edition.name, workloads=tuple(options["workloads"]), studies=options["studies"])
        return scope, options["ruleset"]
    chosen = options["workloads"] or list(edition.quick_look)
    if not chosen:
        raise CommandError(f"Edition {edition.name} has no quick look of its own: name some with --workloads.")
    rulesets = options["ruleset"] or [Ruleset.SELF_TUNING]
    return filling.Scope(edition=edition.name, workloads=tuple(chosen), studies=options["studies"] or 1), rulesets


def _unfinished(submissions: list[Submission]) -> bool:
    """Whether one of them still runs, or its board still has to be computed."""
    rows = Submission.objects.filter(pk__in=[row.pk for row in submissions])
    return rows.filter(status__in=UNFINISHED).exists() or rows.filter(awaits_standings=True).exists()


def _line(progress: filling.Progress) -> str:
    left = "" if progress.left_s is None else f", about {filling.clock(progress.left_s)} left"
    now = f"; now {progress.now}" if progress.now else ""
    return (
        f"{progress.ended} of {progress.total} trials, {progress.charged_s:.0f} s charged, "
        f"{filling.clock(progress.wall_s)} wall{left}{now}"
    )
