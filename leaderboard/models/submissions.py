"""Submissions: one training algorithm entered under one ruleset, its files and what the checks found in them."""

import json
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, OuterRef, Prefetch, Q, Subquery, Sum, When
from django.urls import reverse
from django.utils import timezone

from leaderboard.models.teams import Team
from leaderboard.models.users import User
from workloads.spec import Framework, Ruleset

RULESETS = [(Ruleset.EXTERNAL.value, "External tuning"), (Ruleset.SELF_TUNING.value, "Self-tuning")]
FRAMEWORKS = [(Framework.JAX.value, "JAX"), (Framework.PYTORCH.value, "PyTorch")]


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def public(self) -> Self:
        """What anybody may see the page of."""
        return self.filter(status__in=Submission.PUBLIC)

    def visible_to(self, user: User | None) -> Self:
        """Public ones, one's own teams', and for reviewers and operators everything that has been sent."""
        if user is None or not user.is_authenticated:
            return self.public()
        seen = Q(status__in=Submission.PUBLIC) | Q(team__memberships__user=user)
        if user.is_reviewer or user.is_operator:
            seen |= Q(sent_at__isnull=False)
        return self.filter(seen).distinct()

    def stored_files(self) -> set[str]:
        """Hashes of everything that these submissions keep in the file store."""
        hashes = set(SubmissionFile.objects.filter(submission__in=self).values_list("sha256", flat=True))
        for pair in self.values_list("archive_sha256", "bundle_sha256"):
            hashes.update(pair)
        return hashes

    def active(self) -> Self:
        """Sent and not yet through: these count against the team's quota."""
        return self.filter(status__in=Submission.ACTIVE)

    def ranked(self, *, edition: str, revision: str, ruleset: str) -> Self:
        """What a board of this edition and ruleset ranks: published, and not replaced by a published newer version."""
        published = self.filter(status=Submission.Status.PUBLISHED, edition=edition, revision=revision, ruleset=ruleset)
        return published.exclude(next_versions__status=Submission.Status.PUBLISHED)

    def not_ranked(self, *, edition: str, ruleset: str) -> Self:
        """Public entries of an edition that a board lists without a rank, newest first."""
        states = [Submission.Status.INCOMPLETE, Submission.Status.WITHDRAWN, Submission.Status.DISQUALIFIED]
        replaced = Q(status=Submission.Status.PUBLISHED, next_versions__status=Submission.Status.PUBLISHED)
        rows = self.filter(Q(status__in=states) | replaced, edition=edition, ruleset=ruleset)
        return rows.select_related("team").order_by("-finished_at", "-pk").distinct()

    def from_elsewhere(self, *, edition: str, ruleset: str) -> Self:
        """What was measured by others: printed or imported entries of one board, by their name there."""
        rows = self.exclude(source_key="").filter(edition=edition, ruleset=ruleset)
        return rows.select_related("team").order_by("source_key")

    def for_list(self) -> Self:
        """The public list: everything public, and of what waits for a reviewer the name and team."""
        listed = [*Submission.PUBLIC, Submission.Status.IN_REVIEW]
        return self.filter(status__in=listed).select_related("team").order_by("-sent_at", "-pk")

    def containing(self, word: str) -> Self:
        """Those whose name, authors, affiliation or team hold a word."""
        fields = ("name", "authors", "affiliation", "team__name")
        word = word.replace("\x00", "\ufffd")  # PostgreSQL knows no text with a zero byte
        return self.filter(reduce(or_, (Q(**{f"{field}__icontains": word}) for field in fields)))

    def for_comparison(self, slugs: Iterable[str]) -> Self:
        """Those of some names whose results are public."""
        return self.filter(slug__in=list(slugs), status__in=Submission.FINAL).select_related("team")

    def for_choice(self) -> Self:
        """Ranked submissions by name, the newest edition first."""
        return self.filter(status=Submission.Status.PUBLISHED).order_by("-edition", "ruleset", "name", "version")

    def for_account(self, user: User) -> Self:
        """Drafts and submissions of one's own teams, the newest first."""
        return self.filter(team__memberships__user=user).select_related("team").order_by("-created_at", "-pk")

    def for_page(self) -> Self:
        """With everything the head, compliance and history of its page show; runs are read apart."""
        later = Submission.objects.filter(previous=OuterRef("pk"), status__in=Submission.PUBLIC).order_by("-pk")
        newer = {f"newer_{name}": Subquery(later.values(name)[:1]) for name in ("slug", "name", "version")}
        rows = self.select_related("team", "previous", "created_by").annotate(**newer)
        return rows.prefetch_related("files", "checks__findings", Prefetch("decisions", to_attr="shown_decisions"))

    def for_live(self) -> Self:
        """With the counts that a live fragment shows, in the same query."""
        ended = Q(studies__trials__status__in=["finished", "given_up", "cancelled"])
        return self.select_related("team").annotate(
            trials_total=Count("studies__trials"),
            trials_ended=Count("studies__trials", filter=ended),
            trials_failed=Sum("studies__trials__failures"),
        )

    def for_queue(self) -> Self:
        """What waits or runs, in the order it was sent, with counts."""
        active = [Submission.Status.QUEUED, Submission.Status.RUNNING, Submission.Status.SCORING]
        return self.for_live().filter(status__in=active).order_by("sent_at", "pk")

    def for_review(self) -> Self:
        """Everything that was sent, with how many findings wait for a reviewer; those first."""
        waiting = Q(findings__verdict=Finding.Verdict.REVIEW, findings__cleared_at=None)
        rows = self.filter(sent_at__isnull=False).select_related("team")
        rows = rows.annotate(findings_waiting=Count("findings", filter=waiting))
        in_review = Case(When(status=Submission.Status.IN_REVIEW, then=0), default=1)
        return rows.order_by(in_review, "-findings_waiting", "-sent_at", "-pk")

    def waiting_for_review(self) -> Self:
        """What a reviewer has to decide: in review, or on its way there with findings that nobody has looked at."""
        waiting = Finding.objects.filter(verdict=Finding.Verdict.REVIEW, cleared_at=None).values("submission")
        return self.filter(Q(status=Submission.Status.IN_REVIEW) | Q(status__in=Submission.ACTIVE, pk__in=waiting))


class Submission(models.Model):
    """One training algorithm entered under one ruleset.

    A draft whose checks have passed stays a draft until its team sends it: `is_ready` says so.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        VALIDATING = "validating"
        REJECTED = "rejected"
        IN_REVIEW = "in_review", "in review"
        QUEUED = "queued"
        RUNNING = "running"
        SCORING = "scoring"
        PUBLISHED = "published"
        INCOMPLETE = "incomplete"
        CANCELLED = "cancelled"
        WITHDRAWN = "withdrawn"
        DISQUALIFIED = "disqualified"

    class Origin(models.TextChoices):
        """Who measured it."""

        RUN = "run"  # our judge
        IMPORTED = "imported"  # somebody else; their logs were read in
        PRINTED = "printed"  # somebody else; the results were copied from where they are printed
        SHIPPED = "shipped"  # this project's judge on another machine; the results came with the site

    UNSENT = (Status.DRAFT, Status.VALIDATING, Status.REJECTED)
    ACTIVE = (Status.QUEUED, Status.RUNNING, Status.SCORING)
    FINAL = (Status.PUBLISHED, Status.INCOMPLETE, Status.WITHDRAWN, Status.DISQUALIFIED)  # public with all it holds
    PUBLIC = (
        Status.QUEUED,
        Status.RUNNING,
        Status.SCORING,
        Status.PUBLISHED,
        Status.INCOMPLETE,
        Status.WITHDRAWN,
        Status.DISQUALIFIED,
    )

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="submissions")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions"
    )
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=150, unique=True)
    version = models.PositiveIntegerField(default=1)
    previous = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="next_versions")
    is_baseline = models.BooleanField(default=False)

    edition = models.CharField(max_length=40)
    revision = models.CharField(max_length=64, blank=True)  # the edition's, fixed when it is sent
    hardware_class = models.CharField(max_length=40, blank=True)  # likewise
    ruleset = models.CharField(max_length=20, choices=RULESETS)
    framework = models.CharField(max_length=20, choices=FRAMEWORKS)
    workloads = models.JSONField(default=list, blank=True)  # names; empty: all of the edition
    studies_override = models.PositiveIntegerField(null=True, blank=True)  # None: as many as the edition asks for
    hardware_model = models.CharField(max_length=120, blank=True)  # all its trials run on the model of the first
    # Drawn when it is sent, so that nobody can search for good seeds before.
    seed_root = models.CharField(max_length=64, blank=True)

    authors = models.TextField(blank=True)
    affiliation = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    paper_url = models.URLField(blank=True)
    licence = models.CharField(max_length=80, blank=True)
    licence_accepted_at = models.DateTimeField(null=True, blank=True)

    archive_name = models.CharField(max_length=200, blank=True)
    archive_sha256 = models.CharField(max_length=64, blank=True)
    archive_nbytes = models.PositiveBigIntegerField(null=True, blank=True)
    bundle_sha256 = models.CharField(max_length=64, blank=True)
    # Text, because the order of the hyperparameters decides which coordinate each one gets, and jsonb forgets it.
    search_space_json = models.TextField(blank=True)

    # Results that were not measured here say so everywhere, with where they come from and under which licence.
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.RUN)
    source = models.TextField(blank=True)
    source_url = models.URLField(blank=True)
    source_key = models.CharField(max_length=120, blank=True)  # its name there: what makes a second import find it

    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT)
    status_note = models.TextField(blank=True)  # the public reason of the present state, one sentence
    status_before = models.CharField(max_length=20, blank=True)  # what a reinstatement goes back to
    style_slot = models.PositiveIntegerField(null=True, blank=True)
    awaits_standings = models.BooleanField(default=False)  # what it ran counts otherwise now: its board is stale
    row_version = models.PositiveIntegerField(default=0)  # grows with every visible change: ETags of live fragments

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)  # the present status began
    checked_at = models.DateTimeField(null=True, blank=True)
    checks_passed = models.BooleanField(default=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)  # the last trial ended, or it was cancelled
    published_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)  # withdrawn or disqualified

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "sent_at"], name="submission_queue"),
            models.Index(fields=["edition", "ruleset", "status"], name="submission_board"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "ruleset", "source_key"],
                condition=~Q(source_key=""),
                name="submission_source_once",
            )
        ]

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name} v{self.version}"

    def get_absolute_url(self) -> str:
        return reverse("submission", args=[self.slug])

    @property
    def page(self) -> str:
        """Where its team finds it: what was not sent yet has a page of its own."""
        return reverse("draft", args=[self.pk]) if self.status in self.UNSENT else self.get_absolute_url()

    @property
    def is_ready(self) -> bool:
        """True when the checks let it pass and its team may send it."""
        return self.status == self.Status.DRAFT and self.checks_passed

    @property
    def search_space(self) -> Any:
        """The document of tuning_search_space.json in its own order, or None."""
        return json.loads(self.search_space_json) if self.search_space_json else None

    @property
    def is_public(self) -> bool:
        return self.status in self.PUBLIC

    @property
    def needs_review(self) -> bool:
        """True while a finding waits for a reviewer: it may run, it may not be published."""
        return self.findings.filter(verdict=Finding.Verdict.REVIEW, cleared_at=None).exists()


class SubmissionFile(models.Model):
    """One file of the archive that passed the reader; its bytes lie in the content-addressed store."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    nbytes = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["submission", "path"], name="file_path_once")]

    def __str__(self) -> str:
        return self.path


class Check(models.Model):
    """One check of the present archive: listed as waiting before it runs, so that a page can show what is to come."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        PASSED = "passed"
        NOTE = "note"
        REVIEW = "review"
        REJECTED = "rejected"
        SKIPPED = "skipped"  # one before it rejected the archive

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="checks")
    sequence = models.PositiveIntegerField()
    rule = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    stage = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["submission", "rule"], name="check_rule_once")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.state}"


class Finding(models.Model):
    """What one check said, with the evidence."""

    class Verdict(models.TextChoices):
        PASSED = "passed"
        NOTE = "note"
        REVIEW = "review"
        REJECTED = "rejected"

    class Stage(models.TextChoices):
        ARCHIVE = "archive"
        FILES = "files"
        API = "api"
        RULES = "rules"

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="findings")
    check_run = models.ForeignKey(Check, null=True, on_delete=models.CASCADE, related_name="findings")
    sequence = models.PositiveIntegerField()
    rule = models.CharField(max_length=80)
    stage = models.CharField(max_length=10, choices=Stage)
    verdict = models.CharField(max_length=10, choices=Verdict)
    message = models.TextField()
    fix = models.TextField(blank=True)
    path = models.CharField(max_length=300, blank=True)
    line = models.PositiveIntegerField(null=True, blank=True)
    excerpt = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    cleared_at = models.DateTimeField(null=True, blank=True)  # a reviewer saw no violation in it

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["submission", "sequence"], name="finding_sequence_once")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.verdict}"
