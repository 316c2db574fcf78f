"""What can go wrong in the site.

LeaderboardError                 message: one sentence a person can act on
├── IllegalTransition            a row is not in a state that allows the change
├── NotAllowed                   this person may not do this
├── NotReady                     a draft misses something before it can be sent
│   └── NotAccepted              the checks have rejected its archive
├── QuotaExceeded                the team has used up what it may send
├── LeaseLost                    a host speaks for an attempt that is no longer its own
├── ReportRejected               a host's report has another shape than agreed
├── ArchiveExists                an export would write over something
├── ImmutableRow                 somebody tried to change an append-only row
└── AuditChainBroken             an audit row was changed, removed or slipped in
"""

from typing import Any


class LeaderboardError(Exception):
    """Base of every error the site raises on purpose."""


class IllegalTransition(LeaderboardError):
    """Names the row and both states."""

    def __init__(self, row: Any, *, to: str) -> None:
        self.row, self.to = row, str(to)
        super().__init__(f"{row.__class__.__name__} {row.pk} is {row.status} and cannot become {to}.")


class NotAllowed(LeaderboardError):
    """This person may not do this."""


class NotReady(LeaderboardError):
    """A draft misses something before it can be sent."""


class NotAccepted(NotReady):
    """The checks have rejected its archive."""


class QuotaExceeded(LeaderboardError):
    """The team has used up what it may send."""


class LeaseLost(LeaderboardError):
    """A host speaks for an attempt that is no longer its own."""


class ReportRejected(LeaderboardError):
    """A host's report has another shape than agreed."""


class ArchiveExists(LeaderboardError):
    """An export would write over something that is there."""


class ImmutableRow(LeaderboardError):
    """Somebody tried to change an append-only row."""


class AuditChainBroken(LeaderboardError):
    """An audit row was changed, removed or slipped in. `sequence` is the first place that does not fit."""

    def __init__(self, sequence: int, reason: str) -> None:
        self.sequence = sequence
        super().__init__(f"Audit event {sequence}: {reason}.")
