"""Strangers' bytes on their way out."""

from __future__ import annotations

from django.http import HttpResponse


def plain_text(content: str | bytes, name: str) -> HttpResponse:
    """A stranger's bytes, never to be taken for a page: always a download, always plain text."""
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
