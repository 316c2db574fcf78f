"""`manage.py export_fixture`: the references on this machine's boards -> the file that ships with the site."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leaderboard import shipping
from leaderboard.errors import LeaderboardError
from leaderboard.models import Board
from workloads import editions


class Command(BaseCommand):
    """Run it after `make fill-boards` on an idle machine, and commit the file."""

    help = "Write what the reference submissions got here into the file of boards that ships with the site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--edition", default=settings.DEFAULT_EDITION, choices=editions.names())
        parser.add_argument("--hardware", help="model, where this site has boards of several machines")
        parser.add_argument("--to", type=Path, default=shipping.FIXTURE)

    def handle(self, *args: Any, **options: Any) -> None:
        edition = editions.load(options["edition"])
        boards = Board.objects.for_pages(edition.name).filter(revision=edition.revision)
        if options["hardware"] is not None:
            boards = boards.filter(hardware_model=options["hardware"])
        try:
            document = shipping.pack(boards.order_by("ruleset"))
            nbytes = shipping.write(document, options["to"])
        except (LeaderboardError, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from None
        submissions = [row for board in document["boards"] for row in board["submissions"]]
        self.stdout.write(
            f"{len(submissions)} submissions on {len(document['boards'])} boards, measured on "
            f"{document['measured']['hardware_model']}: {nbytes / 1000:.0f} kB in {options['to']}."
        )
