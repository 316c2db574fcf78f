"""Addresses below /api/."""

from django.urls import path

from leaderboard.api import hosts

urlpatterns = [
    path("host/heartbeat/", hosts.HostHeartbeat.as_view(), name="api_host_heartbeat"),
    path("host/claims/", hosts.Claims.as_view(), name="api_claims"),
    path("host/attempts/<uuid:attempt_id>/bundle/", hosts.Bundle.as_view(), name="api_bundle"),
    path("host/attempts/<uuid:attempt_id>/heartbeat/", hosts.AttemptHeartbeat.as_view(), name="api_attempt_heartbeat"),
    path("host/attempts/<uuid:attempt_id>/reports/", hosts.Reports.as_view(), name="api_reports"),
]
