"""The end of an account. What was public stays public; the person's name goes."""

from django.db import transaction

from leaderboard.lifecycle import submissions as drafts
from leaderboard.lifecycle.audit import record
from leaderboard.lifecycle.teams import remove_member
from leaderboard.models import Submission, User


@transaction.atomic
def delete_account(user_id: int) -> None:
    """Removes the account with its addresses and memberships.

    Teams of which it was the last member keep their page and what they sent; their unsent drafts are discarded, for
    nobody could open them any more. Decisions and audit rows keep the account's number, never its name.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    for membership in user.memberships.select_related("team"):
        alone = not membership.team.memberships.exclude(pk=membership.pk).exists()
        if alone:
            for draft in Submission.objects.filter(team=membership.team, status__in=Submission.UNSENT):
                drafts.discard_draft(draft.pk, actor=user)
        remove_member(membership.pk, user)
    record(user, "delete account", user)
    user.delete()
