"""`manage.py import_results PATH --edition v0.5 --ruleset external`: logs of the competition into the database."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard import clean, imports
from leaderboard.errors import LeaderboardError
from scoring.errors import ScoringError
from scoring.logs import SubmissionLog, open_logs, read_about
from workloads import editions
from workloads.spec import Ruleset

SOURCE = "Logs of the AlgoPerf leaderboard, mlcommons/submissions_algorithms, Apache License 2.0."
SOURCE_URL = "https://github.com/mlcommons/submissions_algorithms"
BAR = 24


class Command(BaseCommand):
    """Each submission is stored whole or not at all; what is there already is left alone, so it can be run again."""

    help = (
        "Import logs of the competition: a folder in the original layout, a tar of one, or a folder of compact tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder or .tar.gz of logs, or folder of compact tables")
        parser.add_argument("--edition", required=True, choices=editions.names())
        parser.add_argument("--ruleset", required=True, choices=list(Ruleset))
        parser.add_argument("--submissions", type=Path, help="submissions.csv: names, authors, affiliations")
        parser.add_argument("--baseline", default="baseline", help="the submission others are compared with")
        parser.add_argument("--source", default=SOURCE, help="where the logs are from and under which licence")
        parser.add_argument("--source-url", default=SOURCE_URL)
        parser.add_argument(
            "--even-partly", action="store_true", help="compute the board although some printed results have no logs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        edition, ruleset = options["edition"], options["ruleset"]
        source = imports.Source(text=options["source"], url=options["source_url"])
        try:
            about = options["submissions"] and read_about(options["submissions"], edition=edition, ruleset=ruleset)
            with open_logs(options["path"], edition=edition, ruleset=ruleset, about=about) as logs:
                report = imports.import_logs(
                    logs, edition, ruleset, source, baseline=options["baseline"], progress=self._progress
                )
            said = imports.show_boards(edition, ruleset, source=source, even_partly=options["even_partly"])
        except (ScoringError, LeaderboardError) as error:
            raise CommandError(str(error)) from None
        self._tell(report)
        for sentence in said:
            self.stdout.write(sentence)
        if report.refused:
            raise CommandError(f"{len(report.refused)} submissions were refused; the others are stored.")

    def _progress(self, log: SubmissionLog, done: int, total: int) -> None:
        """Draws one line again and again on a terminal; prints a line a submission elsewhere."""
        filled = BAR * done // total
        bar = f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{total}"
        line = f"{bar} {clean.one_line(log.name, 60)}: {log.num_evaluations:,} evaluations"
        terminal = sys.stderr.isatty()
        self.stderr.write(f"\r\x1b[K{line}" if terminal else line, ending="" if terminal else "\n")
        self.stderr.flush()

    def _tell(self, report: imports.Report) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(
            f"Imported {len(report.imported)} submissions with {report.trials:,} trials and "
            f"{report.evaluations:,} evaluations."
        )
        if report.already_there:
            self.stdout.write(f"There already, left as they are: {', '.join(report.already_there)}.")
        for reason, count, path in report.reasons():
            self.stdout.write(f"Skipped {count} times: {reason}. The first: {path}")
        for name, reason in report.refused.items():
            self.stdout.write(f"Refused {name}, nothing of it is stored: {reason}.")
