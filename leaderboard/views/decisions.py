"""Public decisions: what was found, which rule, what followed."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leaderboard.models import Decision
from leaderboard.views.caching import public_page


@require_safe
@public_page
def index(request: HttpRequest) -> HttpResponse:
    """All decisions, the newest first; none is ever removed."""
    page = Paginator(Decision.objects.for_list(), 100).get_page(request.GET.get("page"))
    return render(request, "leaderboard/decisions.html", {"page": page})


@require_safe
@public_page
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """One decision with the others about the same submission."""
    found = get_object_or_404(Decision.objects.for_list(), pk=pk)
    others = Decision.objects.filter(submission=found.submission_id).exclude(pk=pk).order_by("decided_at")
    return render(request, "leaderboard/decision.html", {"decision": found, "others": others})
