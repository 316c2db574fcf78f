"""Teams, decisions, editions and the queue."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers as shapes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from leaderboard import queue_order
from leaderboard.api import serializers
from leaderboard.api.reading import Reading, ReadList, ReadOne, paged
from leaderboard.models import Attempt, Decision, Host, Submission, Team
from workloads import editions
from workloads.errors import UnknownWorkload
from workloads.spec import Edition, Ruleset, Split, Workload

_COUNTED = Team.objects.annotate(
    public_submissions=Count("submissions", filter=Q(submissions__status__in=Submission.PUBLIC))
)


class Teams(ReadList):
    """Teams with at least one public submission, by name."""

    serializer_class = serializers.TeamSerializer
    pagination_class = paged(("name", "pk"), name="TeamPages")
    queryset = _COUNTED.filter(public_submissions__gt=0)


class TeamDetail(ReadOne):
    """One team with the members who agreed to be named."""

    serializer_class = serializers.TeamDetailSerializer
    lookup_field = "slug"
    queryset = _COUNTED


@extend_schema(parameters=[OpenApiParameter("submission", str, description="Only those about this submission.")])
class Decisions(ReadList):
    """Public decisions, the newest first; none is ever removed."""

    serializer_class = serializers.DecisionSerializer
    pagination_class = paged(("-decided_at", "-pk"), name="NewestDecided")
    queryset = Decision.objects.select_related("submission")
    filters = {"submission": "submission__slug"}


class DecisionDetail(ReadOne):
    """One decision."""

    serializer_class = serializers.DecisionSerializer
    queryset = Decision.objects.select_related("submission")


class WorkloadShape(shapes.Serializer[Any]):
    """A workload as an edition runs it."""

    name = shapes.CharField()
    base = shapes.CharField()
    metric = shapes.CharField()
    higher_is_better = shapes.BooleanField()
    validation_target = shapes.FloatField()
    test_target = shapes.FloatField(allow_null=True)
    budget_s = shapes.DictField(child=shapes.FloatField(), help_text="Charged seconds a trial may take, by ruleset.")
    eval_period_s = shapes.FloatField()
    step_hint = shapes.IntegerField()
    batch_size = shapes.IntegerField(help_text="Of the baseline.")
    examples = shapes.DictField(child=shapes.IntegerField(allow_null=True), help_text="By split.")


class EditionShape(shapes.Serializer[Any]):
    """One version of the rules."""

    name = shapes.CharField()
    revision = shapes.CharField(help_text="A hash of data and targets; results of two revisions share no board.")
    title = shapes.CharField()
    hardware_class = shapes.CharField()
    accepts_submissions = shapes.BooleanField()
    rules = shapes.CharField(help_text="The scoring rule set that ranks.")
    tau_max = shapes.FloatField()
    racing = shapes.BooleanField()
    studies = shapes.DictField(child=shapes.IntegerField(), help_text="By ruleset.")
    trials = shapes.DictField(child=shapes.IntegerField(), help_text="A study, by ruleset.")
    held_out_studies = shapes.IntegerField()
    workloads = WorkloadShape(many=True)
    held_out = WorkloadShape(many=True)


class Editions(Reading):
    """All editions; there are few, so they are not paged."""

    @extend_schema(responses=EditionShape(many=True))
    def get(self, request: Request) -> Response:
        """Every edition with its workloads, targets and budgets."""
        return Response([edition_shape(editions.load(name)) for name in editions.names()])


class EditionDetail(Reading):
    """One edition."""

    @extend_schema(responses=EditionShape)
    def get(self, request: Request, name: str) -> Response:
        """Its workloads, targets and budgets."""
        try:
            return Response(edition_shape(editions.load(name)))
        except UnknownWorkload as error:
            raise Http404(str(error)) from None


def edition_shape(edition: Edition) -> dict[str, Any]:
    """An edition as plain values."""
    names = ("name", "revision", "title", "hardware_class", "accepts_submissions", "rules", "tau_max", "racing",
             "held_out_studies")  # fmt: skip
    return {
        **{name: getattr(edition, name) for name in names},
        "studies": {str(ruleset): count for ruleset, count in edition.studies.items()},
        "trials": {str(ruleset): count for ruleset, count in edition.trials.items()},
        "workloads": [_workload_shape(edition, workload) for workload in edition.workloads],
        "held_out": [_workload_shape(edition, workload) for workload in edition.held_out],
    }


def _workload_shape(edition: Edition, workload: Workload) -> dict[str, Any]:
    names = ("name", "base", "eval_period_s", "step_hint", "batch_size")
    return {
        **{name: getattr(workload, name) for name in names},
        "metric": workload.metric.name,
        "higher_is_better": workload.metric.higher_is_better,
        "validation_target": workload.target.validation,
        "test_target": workload.target.test,
        "budget_s": {str(ruleset): edition.budget_s(workload, ruleset) for ruleset in Ruleset},
        "examples": {str(split): workload.num_examples(split) for split in Split},
    }


class RunningShape(shapes.Serializer[Any]):
    """A trial that runs just now."""

    submission = shapes.CharField()
    workload = shapes.CharField()
    study = shapes.IntegerField()
    trial = shapes.IntegerField()
    host = shapes.CharField()
    charged_s = shapes.FloatField()
    budget_s = shapes.FloatField()
    heartbeat_at = shapes.DateTimeField(allow_null=True)


class WaitingShape(shapes.Serializer[Any]):
    """A submission on its way to its result."""

    submission = shapes.CharField()
    team = shapes.CharField()
    status = shapes.CharField()
    position = shapes.IntegerField(allow_null=True, help_text="Among those that wait; null once it runs.")
    trials_total = shapes.IntegerField()
    trials_ended = shapes.IntegerField()
    sent_at = shapes.DateTimeField()


class HostShape(shapes.Serializer[Any]):
    """A host in service."""

    name = shapes.CharField()
    hardware_class = shapes.CharField()
    hardware_model = shapes.CharField()
    is_alive = shapes.BooleanField()
    is_draining = shapes.BooleanField()
    is_busy = shapes.BooleanField()
    heartbeat_at = shapes.DateTimeField(allow_null=True)


class QueueShape(shapes.Serializer[Any]):
    """The queue at one moment."""

    running = RunningShape(many=True)
    submissions = WaitingShape(many=True)
    hosts = HostShape(many=True)


class Queue(Reading):
    """What runs, what waits, and on which hosts."""

    @extend_schema(responses=QueueShape)
    def get(self, request: Request) -> Response:
        """The queue as it is now, unpaged."""
        now = timezone.now()
        active, attempts = list(Submission.objects.for_queue()), list(Attempt.objects.for_queue())
        waiting = queue_order.in_order([row for row in active if row.status == Submission.Status.QUEUED])
        position = {row.pk: place for place, row in enumerate(waiting, start=1)}
        busy = {attempt.host_id for attempt in attempts}
        return Response(
            {
                "running": [_running(attempt) for attempt in attempts],
                "submissions": [
                    {
                        "submission": row.slug,
                        "team": row.team.slug,
                        "status": row.status,
                        "position": position.get(row.pk),
                        "trials_total": getattr(row, "trials_total", 0),
                        "trials_ended": getattr(row, "trials_ended", 0),
                        "sent_at": row.sent_at,
                    }
                    for row in (*waiting, *(row for row in active if row.pk not in position))
                ],
                "hosts": [
                    {
                        "name": host.name,
                        "hardware_class": host.hardware_class,
                        "hardware_model": host.hardware_model,
                        "is_alive": host.is_alive(now),
                        "is_draining": host.is_draining,
                        "is_busy": host.pk in busy,
                        "heartbeat_at": host.heartbeat_at,
                    }
                    for host in Host.objects.for_queue()
                ],
            }
        )


def _running(attempt: Attempt) -> dict[str, Any]:
    study = attempt.trial.study
    edition = editions.load(study.submission.edition)
    return {
        "submission": study.submission.slug,
        "workload": study.workload,
        "study": study.number,
        "trial": attempt.trial.number,
        "host": attempt.host.name,
        "charged_s": attempt.charged_s or 0.0,
        "budget_s": edition.budget_s(edition.workload(study.workload), Ruleset(study.submission.ruleset)),
        "heartbeat_at": attempt.heartbeat_at,
    }


class Schema(Reading, SpectacularAPIView):
    """The OpenAPI description of all of this."""


class Index(Reading):
    """Where everything is."""

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}})
    def get(self, request: Request) -> Response:
        """Addresses by name."""
        names = ("boards", "submissions", "teams", "decisions", "editions", "queue", "schema")
        links = {name: reverse(f"api_{name}", request=request) for name in names}
        return Response({**links, "guide": reverse("docs_api", request=request)})
