"""Teams: created, joined by invitation, left; and what the public sees of them."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from leaderboard.models import Invitation, Membership, Team
from tests.factories import DecisionFactory, MembershipFactory, SubmissionFactory, UserFactory
from tests.leaderboard.views.conftest import HOSTILE, text_of

pytestmark = pytest.mark.django_db


def invite(browser, team, email: str) -> str:
    """Invites somebody; returns the address in the message."""
    browser.post(reverse("team_manage", args=[team.slug]), {"email": email})
    return re.search(r"https?://[^/]+(/invitations/\S+)", mail.outbox[-1].body).group(1)


def test_a_team_is_created_with_its_affiliation_and_an_owner(as_user, reviewer):
    answer = as_user(reviewer).post(reverse("team_create"), {"name": "The Optimists", "affiliation": "Example Lab"})

    team = Team.objects.get()
    assert answer["Location"] == reverse("team_manage", args=["the-optimists"])
    assert (team.affiliation, team.memberships.get().role) == ("Example Lab", Membership.Role.OWNER)


def test_two_teams_never_share_a_name_or_an_address(as_user, member, team):
    browser = as_user(member)

    taken = browser.post(reverse("team_create"), {"name": "EXAMPLE", "affiliation": "x"})
    browser.post(reverse("team_create"), {"name": "Ex-ample", "affiliation": "x"})
    browser.post(reverse("team_create"), {"name": "new", "affiliation": "x"})
    browser.post(reverse("team_create"), {"name": "Ex ample", "affiliation": "x"})

    assert "There is a team with this name already." in text_of(taken)
    assert set(Team.objects.values_list("slug", flat=True)) == {"example", "ex-ample", "new-2", "ex-ample-2"}


def test_invisible_characters_in_a_name_are_refused(as_user, member):
    answer = as_user(member).post(reverse("team_create"), {"name": "abc\u202edef", "affiliation": "x"})

    assert "some that cannot be seen" in text_of(answer)


def test_an_invited_person_joins_with_the_link_in_the_message(as_user, member, team):
    guest = UserFactory(email="grace@example.org")
    link = invite(as_user(member), team, "Grace@Example.org")

    question = text_of(as_user(guest).get(link))
    answer = as_user(guest).post(link)

    assert mail.outbox[0].to == ["grace@example.org"]
    assert "Join Example" in mail.outbox[0].subject
    assert "Ada Member invites" in question
    assert answer["Location"] == reverse("team_manage", args=["example"])
    assert team.has_member(guest)
    assert as_user(guest).get(link).status_code == 404  # good for one person, once


def test_who_has_confirmed_the_address_can_join_from_the_account_page(as_user, member, team, reviewer):
    guest = UserFactory(email="grace@example.org")
    invite(as_user(member), team, guest.email)
    address = reverse("invitation_accept", args=[Invitation.objects.get().pk])

    assert as_user(reviewer).post(address).status_code == 404  # it was sent to somebody else
    assert address in text_of(as_user(guest).get(reverse("account")))
    as_user(guest).post(address)

    assert team.has_member(guest)


def test_a_person_without_an_account_is_led_back_after_signing_in(client, as_user, member, team):
    link = invite(as_user(member), team, "grace@example.org")

    assert client.get(link)["Location"].endswith(f"?next={link}")


def test_an_invitation_is_for_one_address_only(as_user, member, team, reviewer):
    link = invite(as_user(member), team, "grace@example.org")

    page = text_of(as_user(reviewer).post(link))

    assert "This invitation was sent to grace@example.org." in page
    assert not team.has_member(reviewer)


def test_a_revoked_invitation_opens_nothing(as_user, member, team):
    guest = UserFactory(email="grace@example.org")
    link = invite(as_user(member), team, guest.email)

    as_user(member).post(reverse("team_revoke", args=[team.slug, Invitation.objects.get().pk]))

    assert "not valid any more" in text_of(as_user(guest).get(link))


def test_nobody_is_invited_twice(as_user, member, team):
    browser = as_user(member)
    invite(browser, team, "grace@example.org")

    again = browser.post(reverse("team_manage", args=[team.slug]), {"email": "grace@example.org"})
    oneself = browser.post(reverse("team_manage", args=[team.slug]), {"email": member.email})

    assert "invited already" in text_of(again)
    assert "in the team already" in text_of(oneself)
    assert len(mail.outbox) == 1


def test_invitations_are_limited(as_user, member, team, settings):
    settings.ACCOUNT_RATE_LIMITS = {"invite": "1/h/user"}
    cache.clear()
    browser = as_user(member)
    invite(browser, team, "one@example.org")

    refused = browser.post(reverse("team_manage", args=[team.slug]), {"email": "two@example.org"})

    assert "You have sent many invitations in the last hour." in text_of(refused)
    assert len(mail.outbox) == 1
    cache.clear()


def test_a_member_can_leave_and_the_team_keeps_an_owner(as_user, member, team):
    second = MembershipFactory(team=team, role=Membership.Role.MEMBER)
    own = team.memberships.get(user=member)

    as_user(member).post(reverse("team_remove", args=[team.slug, own.pk]))

    second.refresh_from_db()
    assert not team.has_member(member)
    assert second.role == Membership.Role.OWNER


def test_only_owners_remove_others(as_user, member, team):
    second = MembershipFactory(team=team, role=Membership.Role.MEMBER)
    owner = team.memberships.get(user=member)

    refused = as_user(second.user).post(reverse("team_remove", args=[team.slug, owner.pk]))
    as_user(member).post(reverse("team_remove", args=[team.slug, second.pk]))

    assert refused.status_code == 403
    assert list(team.members.all()) == [member]


@pytest.mark.parametrize("name", ["team_manage", "team_edit"])
def test_the_pages_for_members_are_for_members(client, as_user, reviewer, team, name):
    address = reverse(name, args=[team.slug])

    assert reverse("account_login") in client.get(address)["Location"]
    assert "Only members of Example can open this page." in text_of(as_user(reviewer).get(address))


def test_the_public_page_names_only_who_agreed(client, as_user, member, team, django_assert_max_num_queries):
    SubmissionFactory(team=team, sent=True, name="Public one")
    SubmissionFactory(team=team, name="Secret draft")
    DecisionFactory(submission=SubmissionFactory(team=team, sent=True, status="disqualified", name="Cheat"))
    address = reverse("team", args=[team.slug])

    with django_assert_max_num_queries(4):
        before = text_of(client.get(address))
    as_user(member).post(reverse("team_show_me", args=[team.slug]))
    after = text_of(client.get(address))

    assert "Ada Member" not in before
    assert "Ada Member" in after
    assert "Public one" in before
    assert "Secret draft" not in before
    assert "Disqualified: Cheat" in before


def test_hostile_names_of_people_and_teams_are_text(as_user, member, team):
    team.name, member.name = HOSTILE, HOSTILE
    team.save()
    member.save()
    browser = as_user(member)
    invite(browser, team, "grace@example.org")

    for address in ("/account/", "/account/chip/", reverse("team_manage", args=[team.slug])):
        assert "<b>x" not in text_of(browser.get(address))
    assert "\n" not in mail.outbox[0].subject
