"""The admin: a window for staff. Everything is read-only, because status changes belong to `lifecycle`."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from leaderboard.models import (
    Attempt,
    AuditEvent,
    Board,
    Decision,
    Evaluation,
    Finding,
    Host,
    Snapshot,
    Standing,
    Study,
    Submission,
    Team,
    Trial,
    User,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and shows; adds, changes and removes nothing."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = set(self.exclude or ())
        return [field.name for field in self.opts.concrete_fields if field.name not in hidden]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


SHOWN: dict[type[models.Model], dict[str, Any]] = {
    User: {"list_display": ["email", "name", "is_reviewer", "is_operator", "is_active"], "exclude": ["password"]},
    Team: {"list_display": ["name", "affiliation", "created_at"]},
    Submission: {
        "list_display": ["slug", "team", "edition", "ruleset", "framework", "status", "sent_at"],
        "list_filter": ["status", "edition", "ruleset", "framework"],
        "search_fields": ["name", "slug"],
        "list_select_related": ["team"],
    },
    Finding: {"list_display": ["submission", "rule", "verdict", "path", "line"], "list_filter": ["verdict", "stage"]},
    Host: {
        "list_display": ["name", "hardware_class", "hardware_model", "state", "is_draining", "heartbeat_at"],
        "exclude": ["key_hash"],
    },
    Study: {"list_display": ["submission", "workload", "number"]},
    Trial: {"list_display": ["study", "number", "status", "ending", "time_to_target_s"], "list_filter": ["status"]},
    Attempt: {
        "list_display": ["trial", "number", "host", "status", "ending", "leased_at"],
        "list_filter": ["status", "host"],
        "exclude": ["token_hash"],
    },
    Evaluation: {"list_display": ["attempt", "number", "charged_s", "is_valid", "reached_validation"]},
    Board: {"list_display": ["edition", "ruleset", "hardware_class", "hardware_model", "is_frozen"]},
    Snapshot: {"list_display": ["board", "number", "rules", "created_at"]},
    Standing: {"list_display": ["snapshot", "rank", "submission", "benchmark_score"]},
    Decision: {"list_display": ["submission", "outcome", "rule", "decided_at"]},
    AuditEvent: {
        "list_display": ["sequence", "at", "actor", "action", "subject"],
        "search_fields": ["subject", "actor", "action"],
    },
}
for _model, _options in SHOWN.items():
    admin.site.register(_model, type(f"{_model.__name__}Admin", (ReadOnlyAdmin,), _options))
