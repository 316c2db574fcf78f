"""A file per noun, each beside its QuerySet: the reads. The writes are in `leaderboard.lifecycle`."""

from leaderboard.models.review import AuditEvent, AuditHead, Decision
from leaderboard.models.runs import Attempt, Evaluation, Host, Report, SiteHeartbeat, Study, Trial
from leaderboard.models.standings import Board, Snapshot, Standing
from leaderboard.models.submissions import Check, Finding, Submission, SubmissionFile
from leaderboard.models.teams import Invitation, Membership, Team
from leaderboard.models.users import User

__all__ = [
    "Attempt",
    "AuditEvent",
    "AuditHead",
    "Board",
    "Check",
    "Decision",
    "Evaluation",
    "Finding",
    "Host",
    "Invitation",
    "Membership",
    "Report",
    "SiteHeartbeat",
    "Snapshot",
    "Standing",
    "Study",
    "Submission",
    "SubmissionFile",
    "Team",
    "Trial",
    "User",
]
