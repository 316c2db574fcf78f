"""The code of a submission: files with line anchors, raw, and the whole bundle."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import files, highlight
from leaderboard.models import Finding, Submission
from leaderboard.views.access import visible_submission
from leaderboard.views.caching import PUBLIC
from leaderboard.views.downloads import plain_text


def shown_file(row: Submission, path: str) -> dict[str, Any] | None:
    """One file of the bundle as lines, with the findings about it beside them."""
    kept = next((entry for entry in row.files.all() if entry.path == path), None)
    if kept is None:
        return None
    notes: dict[int, list[Finding]] = {}
    for check in row.checks.all():
        for finding in check.findings.all():
            if finding.path == path and finding.line and finding.verdict != Finding.Verdict.PASSED:
                notes.setdefault(finding.line, []).append(finding)
    try:
        content = files.read(kept.sha256)
    except FileNotFoundError:
        return None
    return {"file": kept, "lines": highlight.shown_lines(path, content, notes), "notes": notes}


@require_safe
def code(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    """One file with line anchors."""
    row, insider = visible_submission(request, slug)
    shown = shown_file(row, path) if insider else None
    if shown is None:
        raise Http404
    response = render(request, "leaderboard/code.html", {"submission": row, "code": shown})
    if row.status in Submission.FINAL:
        response["Cache-Control"] = PUBLIC
    return response


@require_safe
def raw(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    """One file as it was uploaded, as plain text."""
    row, insider = visible_submission(request, slug)
    kept = next((entry for entry in row.files.all() if entry.path == path), None) if insider else None
    if kept is None:
        raise Http404
    return plain_text(files.read(kept.sha256), path.rsplit("/", 1)[-1])


@require_safe
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """The normalised bundle that the trainers got, as a tar; its SHA-256 stands on the page."""
    row, insider = visible_submission(request, slug)
    if not insider or not row.bundle_sha256:
        raise Http404
    response = HttpResponse(files.read(row.bundle_sha256), content_type="application/x-tar")
    response["Content-Disposition"] = f'attachment; filename="{row.slug}.tar"'
    return response
