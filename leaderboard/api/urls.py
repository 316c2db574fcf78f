"""Addresses below /api/."""

from django.urls import path

from leaderboard.api import hosts, public

urlpatterns = [
    path("", public.Index.as_view(), name="api"),
    path("boards/", public.Boards.as_view(), name="api_boards"),
    path("boards/<int:pk>/", public.BoardDetail.as_view(), name="api_board"),
    path("submissions/", public.Submissions.as_view(), name="api_submissions"),
    path("submissions/<slug:slug>/", public.SubmissionDetail.as_view(), name="api_submission"),
    path("decisions/", public.Decisions.as_view(), name="api_decisions"),
    path("host/heartbeat/", hosts.HostHeartbeat.as_view(), name="api_host_heartbeat"),
    path("host/claims/", hosts.Claims.as_view(), name="api_claims"),
    path("host/attempts/<uuid:attempt_id>/bundle/", hosts.Bundle.as_view(), name="api_bundle"),
    path("host/attempts/<uuid:attempt_id>/heartbeat/", hosts.AttemptHeartbeat.as_view(), name="api_attempt_heartbeat"),
    path("host/attempts/<uuid:attempt_id>/reports/", hosts.Reports.as_view(), name="api_reports"),
]
