"""`manage.py register_host NAME --hardware-class gpu8`: a machine that may run trials, and its key."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from leaderboard import lifecycle
from leaderboard.lifecycle.runs import hash_secret
from leaderboard.models import Host


class Command(BaseCommand):
    """Makes a host or gives it a new key. The key is shown once and kept only as a hash."""

    help = "Register a host, or give a known one a new key. The key is printed once; keep it in a file of root's."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="lower-case letters, digits and hyphens")
        parser.add_argument("--hardware-class", help="for example cpu2 or gpu8; needed for a new host")
        state = parser.add_mutually_exclusive_group()
        state.add_argument("--drain", action="store_true", help="give it no more work; its key stays")
        state.add_argument("--resume", action="store_true", help="give it work again; its key stays")
        state.add_argument("--retire", action="store_true", help="its key is no longer accepted")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        host = Host.objects.select_for_update().filter(name=options["name"]).first()
        if options["drain"] or options["resume"] or options["retire"]:
            self._change(host, options)
            return
        key = secrets.token_urlsafe(32)
        if host is None:
            host = Host(name=options["name"], hardware_class=options["hardware_class"] or "")
        host.key_hash, host.retired_at, host.is_draining = hash_secret(key), None, False
        try:
            host.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        host.save()
        lifecycle.record("shell", "register host", host, after={"hardware_class": host.hardware_class})
        self.stderr.write(f"Key of host {host.name}, shown only now:")
        self.stdout.write(key)

    def _change(self, host: Host | None, options: dict[str, Any]) -> None:
        if host is None:
            raise CommandError("There is no host of that name.")
        before = {"is_draining": host.is_draining, "retired": host.retired_at is not None}
        host.is_draining = not options["resume"]
        if options["retire"]:
            host.retired_at = timezone.now()
        host.save(update_fields=["is_draining", "retired_at"])
        after = {"is_draining": host.is_draining, "retired": host.retired_at is not None}
        lifecycle.record("shell", "change host", host, before=before, after=after)
        self.stdout.write(f"Host {host.name}: {'draining' if host.is_draining else 'takes work'}.")
