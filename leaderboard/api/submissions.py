"""Submissions and their runs. What still runs shows how far it is; measurements appear with the result."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api import serializers
from leaderboard.api.reading import Reading, ReadList, ReadOne, paged, word
from leaderboard.models import Attempt, Evaluation, Standing, Submission, Trial
from leaderboard.run_document import run_document

FILTERS = {
    "edition": "edition",
    "ruleset": "ruleset",
    "framework": "framework",
    "status": "status",
    "origin": "origin",
    "team": "team__slug",
}


def _parameters(names: Any) -> list[OpenApiParameter]:
    return [OpenApiParameter(name, str, description=f"Only those of this {name}.") for name in names]


@extend_schema(parameters=_parameters(FILTERS))
class Submissions(ReadList):
    """Public submissions, the newest first."""

    serializer_class = serializers.SubmissionSerializer
    pagination_class = paged(("-sent_at", "-pk"), name="NewestSent")
    queryset = Submission.objects.public().select_related("team").defer("search_space_json")
    filters = FILTERS


class SubmissionDetail(ReadOne):
    """One public submission, with how far its run has come."""

    serializer_class = serializers.SubmissionDetailSerializer
    lookup_field = "slug"
    queryset = Submission.objects.public().for_live()


class _OfSubmission(ReadList):
    """Rows of one submission whose results are public."""

    def submission(self) -> Submission:
        """Raises Http404 for one that is not public yet."""
        return get_object_or_404(Submission, slug=self.kwargs["slug"], status__in=Submission.FINAL)


class SubmissionStandings(ReadList):
    """Every snapshot a submission stands on, the newest first."""

    serializer_class = serializers.SubmissionStandingSerializer
    pagination_class = paged(("-snapshot__created_at", "-pk"), name="NewestStanding")
    queryset = Standing.objects.none()

    def rows(self) -> Any:
        submission = get_object_or_404(Submission.objects.public(), slug=self.kwargs["slug"])
        rows = Standing.objects.filter(submission=submission).select_related("snapshot__board")
        return rows.defer("snapshot__document", "snapshot__head", "cells", "facts", "profile")


@extend_schema(
    parameters=[
        OpenApiParameter("workload", str, description="Only trials on this workload."),
        OpenApiParameter("study", int, description="Only trials of the study with this number."),
    ]
)
class Trials(_OfSubmission):
    """All trials of a submission, by workload and study."""

    serializer_class = serializers.TrialSerializer
    pagination_class = paged(("study__workload", "study__number", "number", "pk"), name="TrialPages")
    queryset = Trial.objects.none()

    def rows(self) -> Any:
        rows = Trial.objects.filter(study__submission=self.submission()).select_related("study__submission")
        if "workload" in self.request.query_params:
            rows = rows.filter(study__workload=word(self.request.query_params["workload"]))
        study = self.request.query_params.get("study", "")
        return rows.filter(study__number=int(study[:9])) if study.isdecimal() else rows


@extend_schema_view(get=extend_schema(operation_id="submissions_evaluations_list"))
class Evaluations(_OfSubmission):
    """All evaluations of one trial, in order: of the attempt that counts."""

    serializer_class = serializers.EvaluationSerializer
    pagination_class = paged(("number", "pk"), name="EvaluationPages")
    queryset = Evaluation.objects.none()

    def rows(self) -> Any:
        kwargs = self.kwargs
        trial = get_object_or_404(
            Trial,
            study__submission=self.submission(),
            study__workload=kwargs["workload"],
            study__number=kwargs["study"],
            number=kwargs["number"],
        )
        return Evaluation.objects.filter(attempt__trial=trial, attempt__status=Attempt.Status.FINISHED)


class Run(Reading):
    """A submission's whole run as one document: studies, trials, evaluations. Large; the parts are paged elsewhere."""

    @extend_schema(responses={200: {"type": "object", "additionalProperties": True}})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """The document that `run.json` holds, too."""
        submission = get_object_or_404(Submission, slug=slug, status__in=Submission.FINAL)
        return Response(run_document(submission))
