"""Public pages are the same for everybody: any cache may keep them, and has to ask whether they are still true."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

View = Callable[..., HttpResponse]
PUBLIC = "public, max-age=0, s-maxage=15, must-revalidate"


def public_page(view: View) -> View:
    """Lets caches keep the answer and answers 304 to a reader who has it already.

    The page must not depend on who asks: no messages, no forms, no names of the signed-in person.
    """

    @wraps(view)
    def cached(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != 200 or response.streaming:
            return response
        tag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response["Cache-Control"] = PUBLIC
        response["ETag"] = tag
        return get_conditional_response(request, etag=tag, response=response) or response

    return cached


def version_tag(*parts: object) -> str:
    """An ETag from version numbers of rows: two fragments with the same one read the same."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def not_modified(request: HttpRequest, tag: str) -> HttpResponse | None:
    """304 when the reader has this version already, else None: decided before anything is rendered."""
    return get_conditional_response(request, etag=tag)
