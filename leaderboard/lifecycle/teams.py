"""Teams and who belongs to them: created, joined by invitation, left. Never without an owner while it has members."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from leaderboard.errors import NotAllowed
from leaderboard.lifecycle.actors import Actor, require_member
from leaderboard.lifecycle.audit import record
from leaderboard.models import Invitation, Membership, Team, User

INVITATION_DAYS = 14
RESERVED_SLUGS = frozenset({"new"})


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def free_slug(name: str) -> str:
    """A short word for addresses that no other team has."""
    stem = slugify(name)[:80] or "team"
    slug, number = stem, 2
    while slug in RESERVED_SLUGS or Team.objects.filter(slug=slug).exists():
        slug, number = f"{stem}-{number}", number + 1
    return slug


@transaction.atomic
def create_team(actor: User, *, name: str, affiliation: str) -> Team:
    """A new team whose first member and owner is the actor."""
    team = Team.objects.create(name=name, slug=free_slug(name), affiliation=affiliation)
    Membership.objects.create(team=team, user=actor, role=Membership.Role.OWNER)
    record(actor, "create team", team, after={"name": name, "affiliation": affiliation})
    return team


@transaction.atomic
def edit_team(team_id: int, actor: Actor, *, name: str, affiliation: str) -> Team:
    """Another name or affiliation; the address of its page stays. Raises NotAllowed for others than its owners."""
    team = Team.objects.select_for_update().get(pk=team_id)
    _require_owner(actor, team)
    before = {"name": team.name, "affiliation": team.affiliation}
    team.name, team.affiliation = name, affiliation
    team.save(update_fields=["name", "affiliation"])
    record(actor, "edit team", team, before=before, after={"name": name, "affiliation": affiliation})
    return team


@transaction.atomic
def invite(team_id: int, actor: User, *, email: str) -> tuple[Invitation, str]:
    """An invitation and the token to mail: the token is told once, here, and kept only as a hash."""
    team = Team.objects.select_for_update().get(pk=team_id)
    require_member(actor, team)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        team=team,
        email=email.strip().lower(),
        token_hash=_hash_of(token),
        invited_by=actor,
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    record(actor, "invite member", team, after={"invitation": invitation.pk})
    return invitation, token


def find_invitation(token: str) -> Invitation | None:
    """The open invitation this token belongs to, with its team; None for anything else."""
    return Invitation.objects.open().filter(token_hash=_hash_of(token)).select_related("team", "invited_by").first()


@transaction.atomic
def accept_invitation(invitation_id: int, actor: User) -> Membership:
    """The actor joins the team. An invitation is good for one person, once.

    Raises:
        NotAllowed: it was accepted, revoked or has expired, or it was sent to another address.
    """
    invitation = Invitation.objects.select_for_update().select_related("team").get(pk=invitation_id)
    if not Invitation.objects.open().filter(pk=invitation.pk).exists():
        raise NotAllowed("This invitation is not valid any more. Ask the team for a new one.")
    if invitation.email.casefold() != actor.email.casefold():
        raise NotAllowed(f"This invitation was sent to {invitation.email}. Sign in with that address to accept it.")
    membership, created = Membership.objects.get_or_create(team=invitation.team, user=actor)
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    if created:
        record(actor, "join team", invitation.team, after={"user": actor.pk, "role": membership.role})
    return membership


@transaction.atomic
def revoke_invitation(invitation_id: int, actor: Actor) -> None:
    """The link in the message stops working. Revoking twice changes nothing."""
    invitation = Invitation.objects.select_for_update().select_related("team").get(pk=invitation_id)
    require_member(actor, invitation.team)
    if invitation.revoked_at is None and invitation.accepted_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
        record(actor, "revoke invitation", invitation.team, after={"invitation": invitation.pk})


@transaction.atomic
def remove_member(membership_id: int, actor: Actor) -> None:
    """A member leaves, or an owner removes one. The last owner hands the team to the longest-standing member.

    Raises:
        NotAllowed: the actor is neither that member nor an owner of the team.
    """
    membership = Membership.objects.select_for_update().select_related("team").get(pk=membership_id)
    team = membership.team
    if not (isinstance(actor, User) and membership.user_id == actor.pk):
        _require_owner(actor, team)
    gone = {"user": membership.user_id, "role": membership.role}
    membership.delete()
    heir = team.memberships.order_by("joined_at", "pk").first()
    if heir is not None and not team.memberships.filter(role=Membership.Role.OWNER).exists():
        heir.role = Membership.Role.OWNER
        heir.save(update_fields=["role"])
    record(actor, "leave team", team, before=gone, after={"owner": heir.user_id if heir else None})


@transaction.atomic
def show_member(membership_id: int, actor: User, *, is_shown: bool) -> None:
    """A member agrees, or stops agreeing, to be named on the team's public page. Only for oneself."""
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    if membership.user_id != actor.pk:
        raise NotAllowed("Only the person can decide to be named on the team's page.")
    membership.is_shown = is_shown
    membership.save(update_fields=["is_shown"])


def _require_owner(actor: Actor, team: Team) -> None:
    """Raises NotAllowed unless the actor owns the team, or is the machine's own."""
    if not isinstance(actor, User):
        return
    if not team.memberships.filter(user=actor, role=Membership.Role.OWNER).exists():
        raise NotAllowed(f"Only owners of {team.name} can do this.")
