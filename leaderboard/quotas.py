"""How much a team may send: visible to its members before they try."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from leaderboard.errors import QuotaExceeded
from leaderboard.models import Submission, Team


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What a team has used of what it may send."""

    active: int  # queued, running or being scored
    active_limit: int
    sent_today: int  # in the last 24 hours
    daily_limit: int

    @property
    def is_used_up(self) -> bool:
        return self.active >= self.active_limit or self.sent_today >= self.daily_limit


def quota_of(team: Team, *, now: datetime) -> Quota:
    """The numbers of one team, in two queries."""
    submissions = Submission.objects.filter(team=team)
    return Quota(
        active=submissions.active().count(),
        active_limit=settings.QUOTA_ACTIVE_PER_TEAM,
        sent_today=submissions.filter(sent_at__gt=now - timedelta(days=1)).count(),
        daily_limit=settings.QUOTA_SENT_PER_DAY,
    )


def require_room(team: Team, *, now: datetime) -> None:
    """Raises QuotaExceeded with what to do when the team cannot send another submission now."""
    quota = quota_of(team, now=now)
    if quota.active >= quota.active_limit:
        raise QuotaExceeded(
            f"{team.name} has {quota.active} submissions in the queue or running; at most {quota.active_limit} at a "
            f"time. Wait until one has ended, or cancel one. The draft is kept."
        )
    if quota.sent_today >= quota.daily_limit:
        raise QuotaExceeded(
            f"{team.name} has sent {quota.sent_today} submissions in the last 24 hours; at most {quota.daily_limit} "
            f"are allowed. Try again tomorrow. The draft is kept."
        )
