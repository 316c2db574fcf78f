"""The embedded default for e-mail: nothing leaves the machine, every message is shown and kept."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

_numbers = itertools.count()


class KeptMailBackend(BaseEmailBackend):
    """Prints each message to the terminal and keeps it as one file under `settings.EMAIL_FILE_PATH`.

    Files are named by time, so that the newest is the last; only the owner may read them, for they hold links
    that sign people in.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}-{next(_numbers)}.eml"
            text = f"To: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.body}"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            rule = "-" * 78
            sys.stderr.write(f"{rule}\nE-mail, kept in {path}\n\n{text.rstrip()}\n{rule}\n")
            sys.stderr.flush()
        return len(email_messages)
