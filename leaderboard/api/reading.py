"""What all reads of the API have in common: safe methods, an ETag, cursors, an address a client can follow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboard.views.caching import PUBLIC


class Cursor(CursorPagination):
    """A hundred rows a page, in the order a subclass names; `page_size` asks for fewer."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 100

    def _get_position_from_instance(self, instance: Any, ordering: Sequence[str]) -> Any:
        """Where a row stands: its value of the first field, which may be one of another row (`study__workload`)."""
        value = reduce(getattr, ordering[0].lstrip("-").split("__"), instance)
        return None if value is None else str(value)


class Reading(APIView):
    """A read for everybody. A client that names the ETag it has gets 304 without the content."""

    http_method_names = ["get", "head", "options"]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(final, Response) and final.status_code == 200:
            final.add_post_render_callback(partial(_with_tag, request))
        return final


def _with_tag(request: Request, response: HttpResponse) -> HttpResponseBase | None:
    tag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = tag
    response["Cache-Control"] = PUBLIC
    return get_conditional_response(request._request, etag=tag, response=response)


class ReadList(Reading, generics.ListAPIView[Any]):
    """A list that is paged by cursor. `filters` are query parameters by the field they compare."""

    filters: Mapping[str, str] = {}

    def get_queryset(self) -> Any:
        rows = self.rows()
        for name, field in self.filters.items():
            if name in self.request.query_params:
                rows = rows.filter(**{field: word(self.request.query_params[name])})
        return rows

    def rows(self) -> Any:
        """All rows of the list, before filters and paging."""
        return super().get_queryset()


def word(text: str) -> str:
    """A query parameter that a database can be asked for: PostgreSQL knows no text with a zero byte."""
    return text.replace("\x00", "\ufffd")


class ReadOne(Reading, generics.RetrieveAPIView[Any]):
    """One row."""


def paged(order: tuple[str, ...], *, name: str) -> type[Cursor]:
    """A cursor along some fields; the last one has to be unique."""
    return type(name, (Cursor,), {"ordering": order, "__doc__": f"By {', '.join(order)}."})
