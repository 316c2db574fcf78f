"""Boards: what they compare, who stands where, and how sure that is."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import board_text
from leaderboard.api import serializers
from leaderboard.api.reading import Reading, ReadList, ReadOne, paged
from leaderboard.models import Board, Snapshot, Standing
from leaderboard.views.caching import not_modified, version_tag

_EDITION = OpenApiParameter("edition", str, description="Only boards of this edition.")
_RULESET = OpenApiParameter("ruleset", str, description="`external` or `self_tuning`.")
FOREVER = "public, max-age=31536000, immutable"


@extend_schema(parameters=[_EDITION, _RULESET])
class Boards(ReadList):
    """All boards. What may be compared is on one board; scores never mix boards."""

    serializer_class = serializers.BoardSerializer
    pagination_class = paged(("edition", "ruleset", "-pk"), name="BoardPages")
    queryset = Board.objects.select_related("current").defer("current__document")
    filters = {"edition": "edition", "ruleset": "ruleset"}


class BoardDetail(ReadOne):
    """One board with its rules, its workloads and the addresses of its parts."""

    serializer_class = serializers.BoardDetailSerializer
    queryset = Board.objects.select_related("current").defer("current__document")


class _OfBoard(ReadList):
    """Standings of a board's present snapshot, best first. Nothing is scored by a request."""

    pagination_class = paged(("-benchmark_score", "pk"), name="BestFirst")
    queryset = Standing.objects.none()

    def rows(self) -> Any:
        return Standing.objects.for_table(self._snapshot()).defer("profile")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "head": self._snapshot().head}

    def _snapshot(self) -> Snapshot:
        """Read once a request. Raises Http404 for a board that shows nothing yet."""
        found: Snapshot | None = getattr(self, "_found", None)
        if found is None:
            shown = Snapshot.objects.defer("document").filter(board=self.kwargs.get("pk"))
            found = self._found = get_object_or_404(shown, pk__in=Board.objects.values("current"))
        return found


class Standings(_OfBoard):
    """Who stands where: scores under both rule sets, and the time on every workload with its mark."""

    serializer_class = serializers.StandingSerializer


class Profiles(_OfBoard):
    """Performance profiles: the share of workloads within each `tau` of the board. Empty for printed boards."""

    serializer_class = serializers.ProfileSerializer

    def rows(self) -> Any:
        return Standing.objects.for_table(self._snapshot()).defer("cells", "facts")


class Robustness(_OfBoard):
    """Times on held-out variants, and score and rank as they would be without the held-out rule."""

    serializer_class = serializers.RobustnessSerializer


class Stability(_OfBoard):
    """Score and rank with each workload left out in turn, and the interval of ranks when studies are drawn again."""

    serializer_class = serializers.StabilitySerializer


class Snapshots(ReadList):
    """Every snapshot of a board, the newest first, with what changed."""

    serializer_class = serializers.SnapshotSerializer
    pagination_class = paged(("-number",), name="NewestSnapshot")
    queryset = Snapshot.objects.none()

    def rows(self) -> Any:
        board = get_object_or_404(Board, pk=self.kwargs["pk"])
        return Snapshot.objects.filter(board=board).defer("document", "head")


class SnapshotDocument(Reading):
    """A snapshot as it is stored, in full. It never changes; its shape is described in the guide."""

    @extend_schema(responses={200: {"type": "object", "additionalProperties": True}})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The whole document, unpaged."""
        unchanged = not_modified(request._request, version_tag("snapshot", pk))
        if unchanged is not None and Snapshot.objects.filter(pk=pk).exists():
            return unchanged
        snapshot = get_object_or_404(Snapshot.objects.select_related("board"), pk=pk)
        return Response(board_text.document_of(snapshot))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final: HttpResponse = super(Reading, self).finalize_response(request, response, *args, **kwargs)
        if final.status_code in (200, 304):
            final["ETag"], final["Cache-Control"] = version_tag("snapshot", kwargs["pk"]), FOREVER
        return final
