"""E-mails of the site. They name the page to open and never carry a secret but the link itself."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from leaderboard.models import Invitation, Submission

log = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, link: str) -> None:
    """Asks somebody to join a team."""
    _send("invitation", invitation.email, {"invitation": invitation, "link": link})


def send_run_ended(submission: Submission) -> int:
    """Tells every member of the team that a submission has ended, one message each; returns how many."""
    link = settings.SITE_URL + reverse("submission", args=[submission.slug])
    addresses = submission.team.members.filter(is_active=True).values_list("email", flat=True)
    for address in addresses:
        _send("run_ended", address, {"submission": submission, "link": link})
    return len(addresses)


def send_decision(submission: Submission, sentence: str) -> int:
    """Tells every member of the team what a reviewer decided; returns how many."""
    link = settings.SITE_URL + reverse("submission", args=[submission.slug])
    addresses = submission.team.members.filter(is_active=True).values_list("email", flat=True)
    for address in addresses:
        _send("decision", address, {"submission": submission, "sentence": sentence, "link": link})
    return len(addresses)


def _send(kind: str, address: str, context: dict[str, object]) -> None:
    """A mail server that is away must not undo what was done: the failure is logged, the change stays."""
    text = render_to_string(f"leaderboard/email/{kind}.txt", context).strip()
    subject, _, body = text.partition("\n")
    try:
        send_mail(f"[AlgoPerf] {subject.strip()}", body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [address])
    except OSError:
        log.exception("the message %s to an account could not be sent", kind)
