"""Addresses below /api/."""

from django.urls import path

from leaderboard.api import boards, hosts, others, submissions

_TRIALS = "submissions/<slug:slug>/trials/"

urlpatterns = [
    path("", others.Index.as_view(), name="api"),
    path("schema/", others.Schema.as_view(), name="api_schema"),
    path("boards/", boards.Boards.as_view(), name="api_boards"),
    path("boards/<int:pk>/", boards.BoardDetail.as_view(), name="api_board"),
    path("boards/<int:pk>/standings/", boards.Standings.as_view(), name="api_standings"),
    path("boards/<int:pk>/profiles/", boards.Profiles.as_view(), name="api_profiles"),
    path("boards/<int:pk>/robustness/", boards.Robustness.as_view(), name="api_robustness"),
    path("boards/<int:pk>/stability/", boards.Stability.as_view(), name="api_stability"),
    path("boards/<int:pk>/snapshots/", boards.Snapshots.as_view(), name="api_snapshots"),
    path("snapshots/<int:pk>/", boards.SnapshotDocument.as_view(), name="api_snapshot"),
    path("submissions/", submissions.Submissions.as_view(), name="api_submissions"),
    path("submissions/<slug:slug>/", submissions.SubmissionDetail.as_view(), name="api_submission"),
    path("submissions/<slug:slug>/run/", submissions.Run.as_view(), name="api_run"),
    path(
        "submissions/<slug:slug>/standings/",
        submissions.SubmissionStandings.as_view(),
        name="api_submission_standings",
    ),
    path(_TRIALS, submissions.Trials.as_view(), name="api_trials"),
    path(
        f"{_TRIALS}<slug:workload>/<int:study>/<int:number>/",
        submissions.Evaluations.as_view(),
        name="api_evaluations",
    ),
    path("teams/", others.Teams.as_view(), name="api_teams"),
    path("teams/<slug:slug>/", others.TeamDetail.as_view(), name="api_team"),
    path("decisions/", others.Decisions.as_view(), name="api_decisions"),
    path("decisions/<int:pk>/", others.DecisionDetail.as_view(), name="api_decision"),
    path("editions/", others.Editions.as_view(), name="api_editions"),
    path("editions/<str:name>/", others.EditionDetail.as_view(), name="api_edition"),
    path("queue/", others.Queue.as_view(), name="api_queue"),
    path("host/heartbeat/", hosts.HostHeartbeat.as_view(), name="api_host_heartbeat"),
    path("host/claims/", hosts.Claims.as_view(), name="api_claims"),
    path("host/attempts/<uuid:attempt_id>/bundle/", hosts.Bundle.as_view(), name="api_bundle"),
    path("host/attempts/<uuid:attempt_id>/heartbeat/", hosts.AttemptHeartbeat.as_view(), name="api_attempt_heartbeat"),
    path("host/attempts/<uuid:attempt_id>/reports/", hosts.Reports.as_view(), name="api_reports"),
]
