"""What happens around every request."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

GetResponse = Callable[[HttpRequest], HttpResponse]


def request_ids(get_response: GetResponse) -> GetResponse:
    """Names each request, so that an error page and the log of the site speak of the same one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.id = secrets.token_hex(6)  # type: ignore[attr-defined]
        response = get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response

    return middleware


def bounded_requests(get_response: GetResponse) -> GetResponse:
    """Refuses a body that is far too long before a byte of it is read; a little too long is for the form to say."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            length = int(request.headers.get("content-length") or 0)
        except ValueError:
            length = 0
        if length <= settings.MAX_REQUEST_BYTES:
            return get_response(request)
        context = {"sent_mb": length / 1e6, "limit_mb": settings.MAX_UPLOAD_BYTES / 1e6}
        response = render(request, "413.html", context, status=413)
        response["Connection"] = "close"
        return response

    return middleware


def private_pages(get_response: GetResponse) -> GetResponse:
    """What a signed-in person was shown is kept by nobody else: no shared cache, no copy on disk.

    A view that says itself how its answer may be cached, as the public pages do, is left alone.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "Cache-Control" not in response and request.session.accessed:
            response["Cache-Control"] = "private, no-store"
        return response

    return middleware
