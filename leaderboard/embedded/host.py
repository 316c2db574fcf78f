"""The host of the embedded edition: its row, its key, and what its last life left behind."""

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from leaderboard import lifecycle
from leaderboard.lifecycle.runs import hash_secret
from leaderboard.models import Host

LOCAL = "local"


def key_file() -> Path:
    return Path(settings.STATE) / "host" / "local.key"


@transaction.atomic
def register_local_host() -> Host:
    """The row of this machine, with a fresh key in a file that only its owner can read."""
    key = secrets.token_urlsafe(32)
    _write_secret(key_file(), key)
    host, _ = Host.objects.update_or_create(
        name=LOCAL,
        defaults={
            "hardware_class": settings.LOCAL_HARDWARE_CLASS,
            "key_hash": hash_secret(key),
            "is_local": True,
            "is_draining": False,
            "retired_at": None,
            "heartbeat_at": None,
            "lost_in_row": 0,
            "resting_until": None,
        },
    )
    lifecycle.release_host(host.pk, now=timezone.now(), message="The site was started again.")
    return host


def drain_local_host() -> None:
    """What its trials report from now on is our doing and counts against nobody."""
    Host.objects.filter(name=LOCAL).update(is_draining=True)


def release_local_host() -> None:
    """Its worker has ended: whatever it still held is queued again."""
    for host in Host.objects.filter(name=LOCAL):
        lifecycle.release_host(host.pk, now=timezone.now(), message="The site was stopped.")
        Host.objects.filter(pk=host.pk).update(heartbeat_at=None)


def _write_secret(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret)
    draft.replace(path)
