"""The queue: what runs, what waits and for what, in the order in which hosts take it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from leaderboard import lifecycle
from tests.factories import HostFactory, TeamFactory
from tests.leaderboard import steps
from tests.leaderboard.views.conftest import text_of

pytestmark = pytest.mark.django_db


def test_the_queue_names_positions_hosts_and_progress(client, edition, host, django_assert_max_num_queries):
    first = steps.sent(name="First", team=TeamFactory(name="One"))
    attempt = steps.run(host)
    lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now(), charged_s=45.0)
    steps.sent(name="Second", team=TeamFactory(name="Two"))

    with django_assert_max_num_queries(6):
        page = text_of(client.get(reverse("queue")))

    assert "0:00:45.0 of 0:01:30" in page
    assert "host local" in page
    assert "0 of 5</td>" in page
    assert page.index("Second") > page.index("First")
    assert "for a free host (cpu2)" in page
    assert first.get_absolute_url() in page


def test_waiting_submissions_are_listed_in_the_order_in_which_they_run(client, edition, host, settings):
    settings.QUOTA_ACTIVE_PER_TEAM = 3
    busy, calm = TeamFactory(name="Busy"), TeamFactory(name="Calm")
    for name in ("Busy 1", "Busy 2", "Busy 3"):
        steps.sent(name=name, team=busy)
    steps.sent(name="Calm 1", team=calm)

    listed = [row.name for row in client.get(reverse("queue")).context["waiting"]]

    taken = []
    while (attempt := lifecycle.lease_next_trial(host.pk, now=timezone.now())) is not None:
        steps.claim(attempt)
        steps.finish(attempt)
        name = attempt.trial.study.submission.name
        if name not in taken:
            taken.append(name)
    assert listed[:2] == taken[:2] == ["Busy 1", "Calm 1"]
    assert listed[2:] == ["Busy 2", "Busy 3"]


def test_a_queue_without_a_host_says_so(client, edition):
    steps.sent(name="Alone")
    HostFactory(name="gone", heartbeat_at=timezone.now() - timezone.timedelta(hours=3))

    page = text_of(client.get(reverse("queue")))

    assert "No host is up" in page
    assert "3 h ago" in page
    assert "Lost" in page


def test_the_quota_is_public_and_the_page_refreshes_itself(client, edition):
    page = text_of(client.get(reverse("queue")))

    assert "a team may have 2 submissions in the queue or running, and send 10 in 24 hours" in page
    assert 'hx-trigger="every 15s"' in page
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in page
    assert client.get(reverse("queue_live")).status_code == 200


def test_what_has_run_here_tells_when_the_others_are_through(client, edition, host):
    steps.sent(name="First", team=TeamFactory(name="One"))
    before = client.get(reverse("queue")).context["entries"]
    attempt = steps.run(host)
    steps.finish(attempt)
    attempt.leased_at = attempt.finished_at - timedelta(minutes=3)
    attempt.save()
    steps.sent(name="Second", team=TeamFactory(name="Two"))

    response = client.get(reverse("queue"))

    assert [entry["through_s"] for entry in before] == [None]
    assert [entry["through_s"] for entry in response.context["entries"]] == [4 * 180.0, 9 * 180.0]
    assert "in about 12 min" in text_of(response).replace("\N{NO-BREAK SPACE}", " ")
