"""`manage.py export_board EDITION RULESET --to DIR`: a board as plain files that outlive the site."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard import archive
from leaderboard.errors import LeaderboardError
from leaderboard.models import Board, Snapshot
from workloads.spec import Ruleset


class Command(BaseCommand):
    """Check it later with `sha256sum --check SHA256SUMS` in its folder."""

    help = "Write a board as a static archive: a page, tables, every run, and a manifest with hashes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("edition")
        parser.add_argument("ruleset", choices=list(Ruleset))
        parser.add_argument("--to", type=Path, required=True, help="folder; empty or not there yet")
        parser.add_argument("--snapshot", type=int, help="number; default: the present one")
        parser.add_argument("--hardware", default="", help="model, where an edition has boards on several")

    def handle(self, *args: Any, **options: Any) -> None:
        snapshot = _snapshot(options)
        try:
            manifest = archive.export(snapshot, options["to"])
        except (LeaderboardError, OSError) as error:
            raise CommandError(str(error)) from None
        size = sum(entry["nbytes"] for entry in manifest["files"])
        self.stdout.write(f"{snapshot}: {len(manifest['files'])} files, {size / 1e6:.1f} MB in {options['to']}.")


def _snapshot(options: dict[str, Any]) -> Snapshot:
    boards = Board.objects.for_page(options["edition"], options["ruleset"]).filter(current__isnull=False)
    if options["hardware"]:
        boards = boards.filter(hardware_model=options["hardware"])
    board = boards.first()
    if board is None or board.current is None:
        raise CommandError(f"There is no board of {options['edition']} {options['ruleset']} that shows anything.")
    if options["snapshot"] is None:
        return board.current
    found = Snapshot.objects.filter(board=board, number=options["snapshot"]).first()
    if found is None:
        raise CommandError(f"{board} has no snapshot {options['snapshot']}; the present one is {board.current.number}.")
    return found
