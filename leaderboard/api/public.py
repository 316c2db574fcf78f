"""What anybody may read: boards, public submissions with their runs, decisions. 120 requests a minute and address."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from leaderboard.models import Board, Decision, Submission
from leaderboard.run_document import run_document


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """A submission's public facts; its run is at `url`."""

    url = serializers.HyperlinkedIdentityField(view_name="api_submission", lookup_field="slug")
    page = serializers.HyperlinkedIdentityField(view_name="submission", lookup_field="slug")
    team = serializers.CharField(source="team.name")

    class Meta:
        model = Submission
        fields = (
            "slug", "name", "version", "team", "authors", "affiliation", "edition", "revision", "hardware_class",
            "hardware_model", "ruleset", "framework", "status", "status_note", "is_baseline", "archive_sha256",
            "bundle_sha256", "sent_at", "finished_at", "published_at", "url", "page",
        )  # fmt: skip
        read_only_fields = fields


class BoardSerializer(serializers.ModelSerializer[Board]):
    """A board's identity and its present snapshot."""

    url = serializers.SerializerMethodField()
    snapshot = serializers.IntegerField(source="current.number", default=None)
    computed_at = serializers.DateTimeField(source="current.created_at", default=None)

    class Meta:
        model = Board
        fields = (
            "edition", "revision", "ruleset", "hardware_class", "hardware_model", "is_frozen", "snapshot",
            "computed_at", "url",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, board: Board) -> str:
        return str(reverse("api_board", args=[board.pk], request=self.context["request"]))


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """A decision without its internal reason and without the reviewer's name."""

    submission = serializers.CharField(source="submission.slug")

    class Meta:
        model = Decision
        fields = ("id", "submission", "outcome", "rule", "public_note", "decided_at")
        read_only_fields = fields


class NewestSent(CursorPagination):
    ordering = ("-sent_at", "-pk")
    page_size = 100


class NewestDecided(CursorPagination):
    ordering = ("-decided_at", "-pk")
    page_size = 100


class Index(APIView):
    """Where everything is."""

    def get(self, request: Request) -> Response:
        names = {"boards": "api_boards", "submissions": "api_submissions", "decisions": "api_decisions"}
        return Response({key: reverse(name, request=request) for key, name in names.items()})


class Boards(generics.ListAPIView[Board]):
    """All boards; there are few of them."""

    serializer_class = BoardSerializer
    pagination_class = None
    queryset = Board.objects.select_related("current").order_by("edition", "ruleset", "-pk")


class BoardDetail(APIView):
    """The present snapshot of a board, in full."""

    def get(self, request: Request, pk: int) -> Response:
        board = Board.objects.select_related("current").filter(pk=pk).first()
        if board is None or board.current is None:
            raise Http404
        about = BoardSerializer(board, context={"request": request}).data
        return Response({**about, "document": board.current.document})


class Submissions(generics.ListAPIView[Submission]):
    """Public submissions, newest first. Filters: edition, ruleset, framework, status, team (its slug)."""

    serializer_class = SubmissionSerializer
    pagination_class = NewestSent

    def get_queryset(self) -> QuerySet[Submission]:
        rows = Submission.objects.public().select_related("team")
        for name in ("edition", "ruleset", "framework", "status"):
            if name in self.request.query_params:
                rows = rows.filter(**{name: self.request.query_params[name]})
        if "team" in self.request.query_params:
            rows = rows.filter(team__slug=self.request.query_params["team"])
        return rows


class SubmissionDetail(generics.RetrieveAPIView[Submission]):
    """One public submission with its run; of a run under way, what has been measured so far."""

    serializer_class = SubmissionSerializer
    lookup_field = "slug"
    queryset = Submission.objects.public().select_related("team")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        return Response({**self.get_serializer(row).data, "run": run_document(row)})


class Decisions(generics.ListAPIView[Decision]):
    """Public decisions, newest first."""

    serializer_class = DecisionSerializer
    pagination_class = NewestDecided
    queryset = Decision.objects.select_related("submission")
