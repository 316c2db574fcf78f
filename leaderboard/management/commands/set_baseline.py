"""`manage.py set_baseline SLUG`: the entry that others are compared with."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard import lifecycle
from leaderboard.models import Submission


class Command(BaseCommand):
    """Marks a submission as a baseline of its boards, or takes the mark away."""

    help = "Mark a submission as a baseline: it keeps its rank, and others show their time against it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        submission = Submission.objects.filter(slug=options["slug"]).first()
        if submission is None:
            raise CommandError(f"There is no submission {options['slug']}.")
        lifecycle.set_baseline(submission.pk, actor="shell", is_baseline=not options["revoke"])
        self.stdout.write(f"{submission} is {'no longer' if options['revoke'] else 'now'} a baseline.")
