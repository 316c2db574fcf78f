"""Error pages: what happened, what is safe, what to do; the request's id last."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

STALE_FORM = "This form was open for too long, or cookies are switched off. Nothing was changed."


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 with the sentence of the exception, which a view wrote for this reader."""
    return render(request, "403.html", {"sentence": str(exception or "")}, status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without a valid token: said in words, the technical reason stays in the log."""
    return render(request, "403.html", {"sentence": STALE_FORM, "go_back": True}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "500.html", status=500)
