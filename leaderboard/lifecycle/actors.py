"""Who does something: a person, or one of the site's own entrances as a word."""

from leaderboard.errors import NotAllowed
from leaderboard.models import Submission, Team, User

SITE = "site"
SHELL = "shell"  # somebody with the keys of the machine
Actor = User | str


def label(actor: Actor) -> str:
    """The actor as audit rows spell it: no name and no address, so that an account can be deleted."""
    return f"user:{actor.pk}" if isinstance(actor, User) else actor


def require_member(actor: Actor, team: Team) -> None:
    """Raises NotAllowed unless the actor belongs to the team, or is the machine's own."""
    if isinstance(actor, User) and not team.has_member(actor):
        raise NotAllowed(f"Only members of {team.name} can do this.")


def require_member_or_operator(actor: Actor, team: Team) -> None:
    if isinstance(actor, User) and actor.is_operator:
        return
    require_member(actor, team)


def require_reviewer(actor: Actor, submission: Submission) -> None:
    """Raises NotAllowed unless the actor is a reviewer from another team and another affiliation."""
    if not isinstance(actor, User):
        return
    if not actor.is_reviewer:
        raise NotAllowed("Only reviewers can do this.")
    if submission.team.has_member(actor):
        raise NotAllowed("You belong to this team; another reviewer has to decide.")
    theirs = {text.strip().casefold() for text in (submission.team.affiliation, submission.affiliation) if text.strip()}
    if actor.affiliation.strip().casefold() in theirs:
        raise NotAllowed("You share the affiliation of this team; another reviewer has to decide.")
