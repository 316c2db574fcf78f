"""The sentence under a submission's name: what is happening, and what anybody waits for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leaderboard.models import Host, Standing, Submission
from leaderboard.templatetags.shown import ago

S = Submission.Status


def queued(submission: Submission, position: int | None, hosts: Sequence[Host], now: datetime) -> str:
    """Where it stands in the queue and what it waits for."""
    place = f"Position {position}. " if position else ""
    fitting = [host for host in hosts if host.hardware_class == submission.hardware_class]
    if not fitting:
        return f"{place}Waits: there is no host of class {submission.hardware_class} yet."
    alive = [host for host in fitting if host.is_alive(now)]
    if not alive:
        heard = max((host.heartbeat_at for host in fitting if host.heartbeat_at), default=None)
        since = f", last heard of {ago((now - heard).total_seconds())} ago" if heard else ""
        return f"{place}Waits: no host is up{since}. It starts by itself once one is."
    if all(host.is_draining for host in alive):
        return f"{place}Waits: hosts are being taken out of service and start nothing new."
    return f"{place}Waits for a free host ({submission.hardware_class}); {len(alive)} up."


def running(ended: int, total: int) -> str:
    return f"{ended} of {total} trials done."


def stalled(host: Host, silent_s: float) -> str:
    return (
        f"No sign of life from host {host.name} for {ago(silent_s)}. If it stays silent, the trial runs again on "
        "another host; nothing is charged."
    )


def final(submission: Submission, standings: Sequence[Standing]) -> str:
    """What became of it."""
    if submission.status == S.PUBLISHED:
        if not standings:
            return submission.status_note or "Published. Its rank appears when the board has been computed."
        standing = standings[0]
        return f"Ranked {standing.rank} of {standing.snapshot.head.get('ranked', 0)}."
    if submission.status == S.SCORING:
        return "Runs are finished. Scores appear with the next board."
    if submission.status == S.IN_REVIEW:
        return submission.status_note or f"Waiting for a reviewer since {submission.changed_at:%-d %b %Y}."
    return submission.status_note
