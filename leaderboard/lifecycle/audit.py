"""The chain of everything that was done. Rows are added inside the transaction of the change they describe."""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from leaderboard.errors import AuditChainBroken
from leaderboard.lifecycle.actors import Actor, label
from leaderboard.models import AuditEvent, AuditHead
from leaderboard.models.review import GENESIS


@transaction.atomic
def record(
    actor: Actor,
    action: str,
    row: models.Model,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Adds one event to the chain. `before` and `after` hold JSON values of what changed."""
    head, _ = AuditHead.objects.select_for_update().get_or_create(pk=1)
    event = AuditEvent(
        sequence=head.sequence + 1,
        at=timezone.now(),
        actor=label(actor),
        action=action,
        subject=f"{row._meta.model_name}:{row.pk}",
        before=dict(before or {}),
        after=dict(after or {}),
        previous_hash=head.hash,
    )
    event.hash = event.computed_hash()
    event.save()
    head.sequence, head.hash = event.sequence, event.hash
    head.save()
    return event


def verify_chain() -> int:
    """Reads the whole chain; returns how many events it holds.

    Raises:
        AuditChainBroken: a row was changed, removed, slipped in, or cut off at the end.
    """
    expected, previous = 1, GENESIS
    for event in AuditEvent.objects.order_by("sequence").iterator():
        if event.sequence != expected:
            raise AuditChainBroken(expected, "the row is missing")
        if event.previous_hash != previous:
            raise AuditChainBroken(event.sequence, "it does not follow the row before it")
        if event.computed_hash() != event.hash:
            raise AuditChainBroken(event.sequence, "its content was changed")
        expected, previous = expected + 1, event.hash
    head = AuditHead.objects.filter(pk=1).first()
    if head is not None and (head.sequence, head.hash) != (expected - 1, previous):
        raise AuditChainBroken(expected, "the end of the chain is missing")
    return expected - 1
