"""Whom the web process and the site worker run as: never root where it can be helped."""

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from django.conf import settings


def site_user(say: Callable[[str], None]) -> int | None:
    """The uid to become, with its files handed over; None to stay what we are.

    Only root has a choice: the user named in ALGOPERF_SITE_USER, who called sudo, who owns the checkout, or nobody.
    """
    if os.geteuid() != 0:
        return None
    uid = _wanted()
    if uid == 0:
        return None
    if not _can_run(uid):
        say(
            f"Web and site worker run as root, because user {uid} cannot read {settings.BASE_DIR}, its Python or "
            f"{settings.STATE}. Name a user who can in ALGOPERF_SITE_USER, or move them out of a private folder."
        )
        return None
    for folder in (Path(settings.SITE_STATE), Path(settings.FILES_DIRECTORY), Path(settings.BROKER_STATE)):
        _hand_over(folder, uid)
    return uid


def _wanted() -> int:
    named = os.environ.get("ALGOPERF_SITE_USER")
    if named:
        return int(named) if named.isdigit() else pwd.getpwnam(named).pw_uid
    if os.environ.get("SUDO_UID", "0") != "0":
        return int(os.environ["SUDO_UID"])
    owner = Path(settings.BASE_DIR).stat().st_uid
    return owner or pwd.getpwnam("nobody").pw_uid


def _can_run(uid: int) -> bool:
    """Whether that user can start this Python, read the code and get to the state folder."""
    program = "import pathlib, django, sys; pathlib.Path(sys.argv[1]).read_bytes(); pathlib.Path(sys.argv[2]).stat()"
    state = Path(settings.SITE_STATE)
    state.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-I", "-c", program, str(Path(settings.BASE_DIR) / "manage.py"), str(state)]
    try:
        done = subprocess.run(command, user=uid, group=uid, extra_groups=[], cwd="/", capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _hand_over(folder: Path, uid: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        if path.lstat().st_uid != uid:
            os.chown(path, uid, uid, follow_symlinks=False)
