"""Rows that several stories about pages begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from leaderboard import files, lifecycle, standings
from leaderboard.models import Host, Submission, Team, User
from tests.factories import (
    FindingFactory,
    HostFactory,
    MembershipFactory,
    SubmissionFileFactory,
    TeamFactory,
    UserFactory,
)
from tests.leaderboard import steps
from workloads.spec import Edition

HOSTILE = "<b>x</b><script>alert(1)</script>"
CODE = b'"""An algorithm."""\n\n\ndef update_params(workload):\n    return workload  # <script>\n'


def text_of(response: HttpResponse) -> str:
    """A page as a browser reads it: how its source is broken into lines means nothing."""
    return " ".join(response.content.decode().split()).replace("> <", "><")


@pytest.fixture(autouse=True)
def _files_of_their_own(settings: Any, tmp_path: Any) -> None:
    settings.FILES_DIRECTORY = tmp_path / "files"


@pytest.fixture
def team(db: None) -> Team:
    return TeamFactory(name="Example", slug="example")


@pytest.fixture
def member(team: Team) -> User:
    user: User = UserFactory(name="Ada Member", email="ada@example.org")
    MembershipFactory(team=team, user=user)
    return user


@pytest.fixture
def reviewer(db: None) -> User:
    user: User = UserFactory(name="Sam Reviewer", is_reviewer=True, affiliation="Elsewhere")
    return user


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """A client that is signed in as somebody."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def host(db: None) -> Host:
    row: Host = HostFactory(name="local")
    return row


@pytest.fixture
def with_code() -> Callable[[Submission], Submission]:
    """Gives a submission one file and one finding about it."""

    def add(submission: Submission) -> Submission:
        SubmissionFileFactory(submission=submission, path="submission.py", sha256=files.store(CODE), nbytes=len(CODE))
        check = submission.checks.create(sequence=1, rule="workload-names", title="Names", stage="rules", state="note")
        FindingFactory(
            submission=submission, check_run=check, verdict="note", path="submission.py", line=4, message=HOSTILE
        )
        return submission

    return add


@pytest.fixture
def published(edition: Edition, team: Team, host: Host) -> Callable[..., Submission]:
    """Sends a submission, runs all its trials with one ending and publishes it on its board."""

    def make(*, ending: str = "target", **fields: Any) -> Submission:
        submission = steps.sent(**{"team": team, "revision": edition.revision, **fields})
        steps.run_everything(submission, host, ending)
        settled = lifecycle.settle_submission(submission.pk)
        if settled.status == Submission.Status.PUBLISHED:
            standings.recompute_board_of(settled)
        return settled

    return make
