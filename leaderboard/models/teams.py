"""Teams, who belongs to them, and who has been asked to."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from leaderboard.models.users import User


class TeamQuerySet(models.QuerySet["Team"]):
    def of(self, user: User) -> Self:
        """Teams this person belongs to, by name."""
        return self.filter(memberships__user=user).order_by("name")


class Team(models.Model):
    """Who enters submissions."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=90, unique=True)
    affiliation = models.CharField(max_length=200, blank=True)
    is_attributed = models.BooleanField(default=False)  # people who entered elsewhere: it has no members here, ever
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def has_member(self, user: User | None) -> bool:
        return bool(user and user.is_authenticated and self.memberships.filter(user=user).exists())


class MembershipQuerySet(models.QuerySet["Membership"]):
    def for_account(self, user: User) -> Self:
        """One's own teams, by name."""
        return self.filter(user=user).select_related("team").order_by("team__name")

    def for_team(self, team: Team) -> Self:
        """The members of a team, the longest-standing first."""
        return self.filter(team=team).select_related("user").order_by("joined_at", "pk")

    def shown_on_page(self, team: Team) -> Self:
        """Members who agreed to be named in public."""
        return self.for_team(team).filter(is_shown=True).exclude(user__name="")


class Membership(models.Model):
    """One person in one team."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    is_shown = models.BooleanField(default=False)  # agreed to be named on the team's public page
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="membership_once_a_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        """Invitations that can still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def for_account(self, user: User) -> Self:
        """What one has been invited to and has not answered."""
        return self.open().filter(email__iexact=user.email).select_related("team").order_by("created_at")


class Invitation(models.Model):
    """A team asks an e-mail address to join. The token is mailed and kept only as a hash."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.email} to {self.team}"
