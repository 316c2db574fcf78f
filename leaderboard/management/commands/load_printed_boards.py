"""`manage.py load_printed_boards`: the boards of 2024 as they are printed, where there is none yet."""

from typing import Any

from django.core.management.base import BaseCommand

from leaderboard.printed import load_printed_boards


class Command(BaseCommand):
    """`manage.py serve` does the same by itself; a second time it only looks."""

    help = "Store the printed boards of 2024 where there is no board yet. An import of their logs replaces them."

    def handle(self, *args: Any, **options: Any) -> None:
        for snapshot in load_printed_boards():
            self.stdout.write(f"{snapshot.board}: {snapshot.head['ranked']} printed results.")
