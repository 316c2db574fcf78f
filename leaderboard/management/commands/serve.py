"""`manage.py serve`: the embedded edition. Web, site worker and one local host, until Ctrl-C."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leaderboard.embedded.signals import Signals
from leaderboard.embedded.site import EmbeddedSite
from leaderboard.errors import LeaderboardError


class Command(BaseCommand):
    """Starts everything, shows new e-mails, and ends everything in order."""

    help = "Serve the site on this machine with one local host. Ctrl-C ends everything it started."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-host", action="store_true", help="pages only: nothing is trained")

    def handle(self, *args: Any, **options: Any) -> None:
        with Signals() as stop:
            self._serve(EmbeddedSite(port=options["port"], say=self.say, with_host=not options["no_host"]), stop)

    def _serve(self, site: EmbeddedSite, stop: Signals) -> None:
        try:
            site.start()
            self.say(f"The site is at {site.address}  (logs in {site.logs}). Ctrl-C ends it.")
            self._watch(site, stop)
        except LeaderboardError as error:
            raise CommandError(str(error)) from None
        finally:
            self.say("Stopping: the host worker with its containers first, then the site worker and the web process.")
            site.stop(hurry=stop.count > 1)
            self.say("Stopped.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _watch(self, site: EmbeddedSite, stop: Signals) -> None:
        mail = _Mail(Path(settings.EMAIL_FILE_PATH) if hasattr(settings, "EMAIL_FILE_PATH") else None)
        while not stop.count:
            site.check()
            for text in mail.fresh():
                self.say(text)
            time.sleep(0.5)


class _Mail:
    """New files of the embedded mail folder, as text for the terminal."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.seen = {path.name for path in self._files()}

    def fresh(self) -> list[str]:
        new = [path for path in self._files() if path.name not in self.seen]
        self.seen.update(path.name for path in new)
        rule = "-" * 78
        return [f"{rule}\nE-mail, kept in {path}\n\n{path.read_text().rstrip()}\n{rule}" for path in new]

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml")) if self.folder and self.folder.is_dir() else []
