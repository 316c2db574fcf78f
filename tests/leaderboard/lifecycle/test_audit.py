"""The chain of everything that was done."""

import pytest
from django.db import connection

from leaderboard import lifecycle
from leaderboard.errors import AuditChainBroken, ImmutableRow
from leaderboard.models import AuditEvent, AuditHead
from tests.factories import TeamFactory, UserFactory


def _three_events() -> list[AuditEvent]:
    team = TeamFactory()
    return [
        lifecycle.record("site", action, team, after={"name": team.name}) for action in ("create", "rename", "close")
    ]


@pytest.mark.django_db
def test_each_event_continues_from_the_one_before() -> None:
    first, second, third = _three_events()

    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)
    assert lifecycle.verify_chain() == 3


@pytest.mark.django_db
def test_an_event_can_be_neither_changed_nor_removed() -> None:
    event = _three_events()[0]

    event.action = "something else"
    with pytest.raises(ImmutableRow):
        event.save()
    with pytest.raises(ImmutableRow):
        event.delete()
    with pytest.raises(ImmutableRow):
        AuditEvent.objects.filter(pk=event.pk).update(action="something else")
    with pytest.raises(ImmutableRow):
        AuditEvent.objects.all().delete()
    assert lifecycle.verify_chain() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tamper", "found_at"),
    [
        ("UPDATE leaderboard_auditevent SET action = 'x' WHERE sequence = 2", 2),
        ("UPDATE leaderboard_auditevent SET actor = 'user:9' WHERE sequence = 1", 1),
        ("DELETE FROM leaderboard_auditevent WHERE sequence = 2", 2),
        ("DELETE FROM leaderboard_auditevent WHERE sequence = 3", 3),
        ("UPDATE leaderboard_auditevent SET sequence = 7 WHERE sequence = 3", 3),
    ],
    ids=["changed", "other actor", "removed", "cut off", "renumbered"],
)
def test_tampering_with_the_table_shows(tamper: str, found_at: int) -> None:
    _three_events()

    with connection.cursor() as cursor:
        cursor.execute(tamper)

    with pytest.raises(AuditChainBroken) as caught:
        lifecycle.verify_chain()
    assert caught.value.sequence == found_at


@pytest.mark.django_db
def test_a_recomputed_hash_does_not_hide_a_change_in_the_middle() -> None:
    _three_events()
    changed = AuditEvent.objects.get(sequence=2)
    changed.action = "x"

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leaderboard_auditevent SET action = 'x', hash = %s WHERE sequence = 2", [changed.computed_hash()]
        )

    with pytest.raises(AuditChainBroken, match="does not follow"):
        lifecycle.verify_chain()


@pytest.mark.django_db
def test_deleting_an_account_leaves_the_chain_whole() -> None:
    user, team = UserFactory(), TeamFactory()
    event = lifecycle.record(user, "create team", team)
    label = f"user:{user.pk}"

    user.delete()

    assert AuditEvent.objects.get(pk=event.pk).actor == label
    assert lifecycle.verify_chain() == 1
    assert AuditHead.objects.get().sequence == 1
