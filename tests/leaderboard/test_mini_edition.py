"""A whole run of the mini edition, every family with its held-out variant, from the queue to each page of its board."""

import dataclasses

import pytest
from django.urls import reverse
from django.utils import timezone

from leaderboard import filling, lifecycle
from leaderboard.models import Standing, Trial
from leaderboard.tasks import finish_submissions
from sandbox_runner.protocol import Evaluation
from tests import factories
from tests.leaderboard import steps
from tests.leaderboard.views.conftest import text_of
from workloads import editions
from workloads.spec import Framework, Ruleset

pytestmark = pytest.mark.django_db
MINI = editions.load("mini")
BOARD = ["mini", "self_tuning"]


def finish(attempt, charged_s, *, reaches):
    """The end of a trial: one evaluation, at the target of its workload or nowhere near it."""
    workload = MINI.workload(attempt.trial.study.workload)
    value = workload.target.validation if reaches else None
    row = dataclasses.replace(
        steps.evaluation(0, charged_s),
        metrics={f"validation/{workload.metric.name}": value},
        valid=reaches,
        reached_validation=reaches,
    )
    assert isinstance(row, Evaluation)
    steps.finish(attempt, "target" if reaches else "budget", charged_s, evaluations=[row])


@pytest.fixture
def entered():
    """Two references that reach every target, the second one in twice the time and never on the last variant."""
    host, submissions = factories.HostFactory(), []
    for charged_s, framework in ((10.0, Framework.JAX), (20.0, Framework.PYTORCH)):
        entry = filling.Entry(algorithm="adamw", framework=framework, ruleset=Ruleset.SELF_TUNING)
        submissions.append(filling.enter(entry, filling.Scope(edition="mini"), lambda line: None))
        while (attempt := lifecycle.lease_next_trial(host.pk, now=timezone.now())) is not None:
            steps.claim(attempt)
            missed = charged_s == 20.0 and attempt.trial.study.workload == MINI.held_out[-1].name
            finish(attempt, charged_s, reaches=not missed)
    finish_submissions()
    return submissions


def test_every_page_of_its_board_shows_every_family_and_variant(entered, client):
    fast, slow = (Standing.objects.for_submission(row).get() for row in entered)
    lost = MINI.held_out[-1]
    count = len(MINI.workloads)

    assert Trial.objects.count() == 2 * (3 * count + len(MINI.held_out))
    assert (fast.rank, slow.rank) == (1, 2)
    assert (fast.facts["counts"], slow.facts["counts"]) == (count, count - 1)
    base = next(workload.name for workload in MINI.workloads if workload.base == lost.base)
    assert slow.cells[base]["mark"] == "double_dagger"
    for name in ("board", "workloads", "robustness", "stability"):
        page = text_of(client.get(reverse(name, args=BOARD)))
        assert entered[0].name in page
    robustness = client.get(reverse("robustness", args=BOARD))
    assert len(robustness.context["columns"]) == len(MINI.held_out)
    for workload in MINI.workloads:
        assert client.get(reverse("workload", args=[*BOARD, workload.name])).status_code == 200
    page = client.get(entered[1].get_absolute_url())
    assert len(page.context["workload_rows"]) == count
    assert len(page.context["held_out_rows"]) == len(MINI.held_out)
    assert page.context["passed"] == len(MINI.held_out) - 1


def test_every_family_has_one_held_out_variant_and_a_quick_look_is_part_of_it():
    assert sorted(workload.base for workload in MINI.held_out) == sorted(workload.base for workload in MINI.workloads)
    assert set(MINI.quick_look) <= {workload.name for workload in MINI.workloads}
