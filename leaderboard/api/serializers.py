"""The shapes of the API's answers. Numbers have full precision; times are seconds, missing ones null."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

import scoring
from leaderboard.models import Board, Decision, Evaluation, Membership, Snapshot, Standing, Submission, Team, Trial
from leaderboard.snapshots import cells_of

MARKS = (
    ("star", "above four times the fastest"),
    ("double_dagger", "held-out variant failed"),
    ("inf", "target not reached"),
    ("NaN", "never measured"),
)


class StudyTimeSerializer(serializers.Serializer[Any]):
    """One study: the time of its best trial, and which one that was."""

    study = serializers.IntegerField()
    time_s = serializers.FloatField(allow_null=True)
    trial = serializers.IntegerField(allow_null=True)


class CellSerializer(serializers.Serializer[Any]):
    """One submission on one workload. A time that does not count keeps its value and has a mark."""

    workload = serializers.CharField()
    role = serializers.ChoiceField(choices=["base", "held_out"])
    raw_s = serializers.FloatField(allow_null=True, help_text="Median over studies, before any rule.")
    final_s = serializers.FloatField(allow_null=True, help_text="What counts.")
    fraction = serializers.FloatField(allow_null=True, help_text="Raw time over the budget.")
    ratio = serializers.FloatField(allow_null=True, help_text="Of the fastest; null where it does not count.")
    mark = serializers.ChoiceField(choices=MARKS, allow_null=True)
    counts = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    because = serializers.CharField(allow_null=True, help_text="The held-out variant behind a double dagger.")
    rank = serializers.IntegerField(allow_null=True, help_text="Among those that count on this workload.")
    reached = serializers.IntegerField(allow_null=True, help_text="Studies that reached the target.")
    studies = serializers.IntegerField(allow_null=True)
    study_times = StudyTimeSerializer(many=True)


class EffortSerializer(serializers.Serializer[Any]):
    """What its trials cost, and what stopping hopeless ones saves."""

    trials = serializers.IntegerField(help_text="Those with a clock: a trial without any evaluation has none.")
    raced = serializers.IntegerField()
    charged_s = serializers.FloatField()
    saved_s = serializers.FloatField()


class PlaceSerializer(serializers.Serializer[Any]):
    """A score and the rank it gives."""

    score = serializers.FloatField()
    rank = serializers.IntegerField()


class EntrySerializer(serializers.ModelSerializer[Standing]):
    """Whose standing it is."""

    submission = serializers.CharField(source="submission.slug")
    name = serializers.CharField(source="submission.__str__")

    class Meta:
        model = Standing
        fields: tuple[str, ...] = ("submission", "name", "rank")
        read_only_fields = fields


class StandingSerializer(EntrySerializer):
    """A submission's place on a board, with its time on every workload."""

    team = serializers.CharField(source="submission.team.name")
    framework = serializers.CharField(source="submission.framework")
    is_baseline = serializers.BooleanField(source="submission.is_baseline")
    score = serializers.FloatField(source="benchmark_score", help_text="Of the rule set that ranks.")
    time_ratio = serializers.FloatField(
        source="speedup", allow_null=True, help_text="Geometric mean of time over the baseline's; missed = full budget."
    )
    time_ratio_published = serializers.FloatField(
        source="facts.time_ratio_published", default=None, allow_null=True,
        help_text="The same as the reference code prints it; null where a workload was never measured.",
    )  # fmt: skip
    ratio_mean = serializers.FloatField(
        source="facts.ratio_mean", default=None, allow_null=True, help_text="Geometric mean of the ratios that count."
    )
    counts = serializers.IntegerField(source="facts.counts", default=None, allow_null=True)
    wins = serializers.IntegerField(source="facts.wins", default=None, allow_null=True)
    effort = EffortSerializer(source="facts.effort", default=None, allow_null=True)
    cells = serializers.SerializerMethodField()

    class Meta(EntrySerializer.Meta):
        fields = (
            *EntrySerializer.Meta.fields, "team", "framework", "is_baseline", "score", "published_score",
            "documented_score", "time_ratio", "time_ratio_published", "ratio_mean", "counts", "wins", "effort", "cells",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(CellSerializer(many=True))
    def get_cells(self, standing: Standing) -> Any:
        return cells_of(self.context["head"], standing.cells)


class ProfileSerializer(EntrySerializer):
    """The performance profile: share of workloads within each tau of the board."""

    rho = serializers.ListField(child=serializers.FloatField(), source="profile")

    class Meta(EntrySerializer.Meta):
        fields = (*EntrySerializer.Meta.fields, "rho")
        read_only_fields = fields


class RobustnessSerializer(EntrySerializer):
    """Times on held-out variants, and the place without the held-out rule."""

    score = serializers.FloatField(source="benchmark_score")
    without_held_out = PlaceSerializer(source="facts.without_held_out", default=None, allow_null=True)
    held_out = serializers.SerializerMethodField()

    class Meta(EntrySerializer.Meta):
        fields = (*EntrySerializer.Meta.fields, "score", "without_held_out", "held_out")
        read_only_fields = fields

    @extend_schema_field(CellSerializer(many=True))
    def get_held_out(self, standing: Standing) -> Any:
        return [cell for cell in cells_of(self.context["head"], standing.cells) if cell["role"] == "held_out"]


class StabilitySerializer(EntrySerializer):
    """How far a rank depends on one workload and on the luck of the studies."""

    score = serializers.FloatField(source="benchmark_score")
    rank_interval = serializers.ListField(
        child=serializers.IntegerField(), source="facts.interval", default=None, allow_null=True, min_length=2,
        max_length=2, help_text="Nine in ten ranks when studies are drawn again.",
    )  # fmt: skip
    leave_one_out = serializers.DictField(
        child=PlaceSerializer(), source="facts.leave_one_out", default=dict, help_text="By the workload left out."
    )

    class Meta(EntrySerializer.Meta):
        fields = (*EntrySerializer.Meta.fields, "score", "rank_best", "rank_worst", "rank_interval", "leave_one_out")
        read_only_fields = fields


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    """A board as it stood at one moment; it never changes."""

    document = serializers.HyperlinkedIdentityField(view_name="api_snapshot")

    class Meta:
        model = Snapshot
        fields = ("id", "number", "rules", "reason", "created_at", "document")
        read_only_fields = fields


class SourceSerializer(serializers.Serializer[Any]):
    """Where results that were not measured here come from."""

    text = serializers.CharField()
    url = serializers.CharField(allow_blank=True)


class ColumnSerializer(serializers.Serializer[Any]):
    """A workload of a board."""

    name = serializers.CharField()
    role = serializers.ChoiceField(choices=["base", "held_out"])
    base = serializers.CharField()
    metric = serializers.CharField()
    higher_is_better = serializers.BooleanField()
    target = serializers.FloatField()
    budget_s = serializers.FloatField()
    studies = serializers.IntegerField()


class BoardSerializer(serializers.ModelSerializer[Board]):
    """A board's identity and its present snapshot."""

    url = serializers.HyperlinkedIdentityField(view_name="api_board")
    snapshot = serializers.IntegerField(source="current.number", default=None, allow_null=True)
    computed_at = serializers.DateTimeField(source="current.created_at", default=None, allow_null=True)

    class Meta:
        model = Board
        fields: tuple[str, ...] = (
            "id", "edition", "revision", "ruleset", "hardware_class", "hardware_model", "is_frozen", "snapshot",
            "computed_at", "url",
        )  # fmt: skip
        read_only_fields = fields


class LinksSerializer(serializers.Serializer[Any]):
    """Where the parts of a board are."""

    standings = serializers.URLField()
    profiles = serializers.URLField()
    robustness = serializers.URLField()
    stability = serializers.URLField()
    snapshots = serializers.URLField()
    document = serializers.URLField(allow_null=True)
    page = serializers.URLField()


class BoardDetailSerializer(BoardSerializer):
    """The same with its rules, its workloads and the addresses of its parts."""

    origin = serializers.CharField(source="current.head.origin", default=None, allow_null=True)
    sources = SourceSerializer(many=True, source="current.head.sources", default=list)
    rules = serializers.CharField(source="current.rules", default=None, allow_null=True)
    tau_max = serializers.FloatField(source="current.head.tau_max", default=None, allow_null=True)
    ranked = serializers.IntegerField(source="current.head.ranked", default=0)
    workloads = ColumnSerializer(many=True, source="current.head.workloads", default=list)
    tau = serializers.SerializerMethodField(help_text="The points of the profiles.")
    links = serializers.SerializerMethodField()

    class Meta(BoardSerializer.Meta):
        fields = (
            *BoardSerializer.Meta.fields, "origin", "sources", "rules", "tau_max", "ranked", "workloads", "tau",
            "links",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.FloatField()))
    def get_tau(self, board: Board) -> list[float]:
        head = board.current.head if board.current else {}
        return [] if head.get("origin", "printed") == "printed" else scoring.tau_grid(head["tau_max"]).tolist()

    @extend_schema_field(LinksSerializer)
    def get_links(self, board: Board) -> dict[str, str | None]:
        request = self.context["request"]
        parts = ("standings", "profiles", "robustness", "stability", "snapshots")
        links = {part: reverse(f"api_{part}", args=[board.pk], request=request) for part in parts}
        shown = board.current_id
        document = None if shown is None else reverse("api_snapshot", args=[shown], request=request)
        page = reverse("board", args=[board.edition, board.ruleset], request=request)
        return {**links, "document": document, "page": page}


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """A submission's public facts."""

    url = serializers.HyperlinkedIdentityField(view_name="api_submission", lookup_field="slug")
    page = serializers.HyperlinkedIdentityField(view_name="submission", lookup_field="slug")
    team = serializers.CharField(source="team.slug")

    class Meta:
        model = Submission
        fields: tuple[str, ...] = (
            "slug", "name", "version", "team", "authors", "affiliation", "description", "paper_url", "licence",
            "edition", "revision", "hardware_class", "hardware_model", "ruleset", "framework", "status", "status_note",
            "is_baseline", "origin", "source", "source_url", "archive_sha256", "bundle_sha256", "sent_at",
            "finished_at", "published_at", "url", "page",
        )  # fmt: skip
        read_only_fields = fields


class SubmissionLinksSerializer(serializers.Serializer[Any]):
    """Where the parts of a submission are; null until its results are public."""

    trials = serializers.URLField(allow_null=True)
    run = serializers.URLField(allow_null=True)
    standings = serializers.URLField()
    team = serializers.URLField()


class SubmissionDetailSerializer(SubmissionSerializer):
    """The same with how far it has come and the addresses of its parts."""

    trials_total = serializers.IntegerField(read_only=True)
    trials_ended = serializers.IntegerField(read_only=True)
    links = serializers.SerializerMethodField()

    class Meta(SubmissionSerializer.Meta):
        fields = (*SubmissionSerializer.Meta.fields, "trials_total", "trials_ended", "links")
        read_only_fields = fields

    @extend_schema_field(SubmissionLinksSerializer)
    def get_links(self, row: Submission) -> dict[str, str | None]:
        request, is_final = self.context["request"], row.status in Submission.FINAL

        def link(name: str, slug: str) -> str:
            return str(reverse(name, args=[slug], request=request))

        return {
            "trials": link("api_trials", row.slug) if is_final else None,
            "run": link("api_run", row.slug) if is_final else None,
            "standings": link("api_submission_standings", row.slug),
            "team": link("api_team", row.team.slug),
        }


class SubmissionStandingSerializer(EntrySerializer):
    """Where a submission stands, or stood, on one snapshot."""

    board: Any = serializers.HyperlinkedRelatedField(view_name="api_board", source="snapshot.board", read_only=True)
    snapshot = serializers.IntegerField(source="snapshot.number")
    is_current = serializers.SerializerMethodField()
    computed_at = serializers.DateTimeField(source="snapshot.created_at")
    score = serializers.FloatField(source="benchmark_score")

    class Meta(EntrySerializer.Meta):
        fields = (
            "board", "snapshot", "is_current", "computed_at", "rank", "rank_best", "rank_worst", "score",
            "published_score", "documented_score",
        )  # fmt: skip
        read_only_fields = fields

    def get_is_current(self, standing: Standing) -> bool:
        return standing.snapshot.board.current_id == standing.snapshot_id


class TrialSerializer(serializers.ModelSerializer[Trial]):
    """One training run: what it was given and how it ended."""

    url = serializers.SerializerMethodField()
    workload = serializers.CharField(source="study.workload")
    study = serializers.IntegerField(source="study.number")
    trial = serializers.IntegerField(source="number")
    is_held_out = serializers.BooleanField(source="study.is_held_out")
    hyperparameters = serializers.DictField(allow_null=True, help_text="Null under self-tuning.")

    class Meta:
        model = Trial
        fields = (
            "workload", "study", "trial", "is_held_out", "seed", "hyperparameters", "status", "ending", "message",
            "charged_s", "time_to_target_s", "is_raced", "batch_size", "failures", "finished_at", "url",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, trial: Trial) -> str:
        study = trial.study
        address = [study.submission.slug, study.workload, study.number, trial.number]
        return str(reverse("api_evaluations", args=address, request=self.context["request"]))


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    """What the judge measured at one moment of a trial."""

    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))

    class Meta:
        model = Evaluation
        fields = ("number", "step", "charged_s", "metrics", "is_valid", "reached_validation", "reached_test", "note")
        read_only_fields = fields


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """A decision without its internal reason and without the reviewer's name."""

    url = serializers.HyperlinkedIdentityField(view_name="api_decision")
    submission = serializers.CharField(source="submission.slug")

    class Meta:
        model = Decision
        fields = ("id", "submission", "outcome", "rule", "public_note", "decided_at", "url")
        read_only_fields = fields


class TeamSerializer(serializers.ModelSerializer[Team]):
    """A team; people who entered elsewhere are named by their team only."""

    url = serializers.HyperlinkedIdentityField(view_name="api_team", lookup_field="slug")
    submissions = serializers.IntegerField(source="public_submissions", read_only=True)

    class Meta:
        model = Team
        fields: tuple[str, ...] = ("slug", "name", "affiliation", "is_attributed", "submissions", "url")
        read_only_fields = fields


class TeamDetailSerializer(TeamSerializer):
    """The same with the members who agreed to be named."""

    members = serializers.SerializerMethodField()

    class Meta(TeamSerializer.Meta):
        fields = (*TeamSerializer.Meta.fields, "members")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_members(self, team: Team) -> list[str]:
        return [row.user.name for row in Membership.objects.shown_on_page(team)]
