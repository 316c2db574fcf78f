"""Accounts: registration with a confirmed address, password reset, rate limits, deletion."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from leaderboard.models import AuditEvent, Submission, User
from tests.factories import MembershipFactory, SubmissionFactory, UserFactory
from tests.leaderboard.views.conftest import text_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
ADA = {"name": "Ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}


def link_of(message: mail.EmailMessage) -> str:
    return re.search(r"https?://[^/]+(/\S+)", message.body).group(1)


def registered(client: Client) -> User:
    """Somebody who has registered and confirmed the address."""
    client.post(reverse("account_signup"), ADA)
    client.post(link_of(mail.outbox[-1]))
    return User.objects.get(email="ada@example.org")


def test_an_account_can_sign_in_once_its_address_is_confirmed(client):
    client.post(reverse("account_signup"), ADA)
    early = client.post(reverse("account_login"), {"login": "ada@example.org", "password": PASSWORD})
    link = link_of(mail.outbox[0])
    question = text_of(client.get(link))
    client.post(link)

    assert "confirm" in early["Location"]
    assert "Is <strong>ada@example.org</strong> your address?" in question
    assert client.get(reverse("account")).status_code == 200
    assert User.objects.get().name == "Ada"


def test_mistakes_in_registration_are_named_and_what_was_typed_stays(client):
    page = text_of(client.post(reverse("account_signup"), {**ADA, "password1": "short", "password2": "short"}))

    assert "<title>Error: Create an account" in page
    assert "There is a problem" in page
    assert "at least 10 characters" in page
    assert 'value="ada@example.org"' in page


def test_nobody_can_find_out_who_has_an_account(client):
    UserFactory(email="ada@example.org")

    registration = client.post(reverse("account_signup"), ADA)
    reset = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})

    assert registration["Location"] == reverse("account_email_verification_sent")
    assert reset["Location"] == reverse("account_reset_password_done")
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["nobody@example.org"]]


def test_a_forgotten_password_is_replaced_with_the_link_in_the_message(client):
    registered(client)
    client.post(reverse("account_logout"))
    client.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    link = link_of(mail.outbox[-1])

    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "another long phrase", "password2": "another long phrase"})

    assert client.login(email="ada@example.org", password="another long phrase")
    used = text_of(Client().get(link, follow=True))
    assert "This link is not valid any more" in used


def test_guessing_passwords_is_slowed_down(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/key"}
    cache.clear()
    registered(client)
    client.post(reverse("account_logout"))
    guess = {"login": "ada@example.org", "password": "wrong guess"}

    pages = [text_of(client.post(reverse("account_login"), guess)) for _ in range(4)]

    assert "Too many failed login attempts" not in pages[0]
    assert "Too many failed login attempts" in pages[-1]
    cache.clear()


def test_signing_out_needs_a_button_not_a_link(client):
    registered(client)

    client.get(reverse("account_logout"))
    still = client.get(reverse("account")).status_code
    client.post(reverse("account_logout"))

    assert still == 200
    assert client.get(reverse("account")).status_code == 302


def test_the_chip_is_the_only_part_that_knows_who_reads(client, as_user, member, reviewer):
    SubmissionFactory(sent=True, status=Submission.Status.IN_REVIEW)

    assert "Sign in" in text_of(client.get(reverse("account_chip")))
    assert "Ada Member" in text_of(as_user(member).get(reverse("account_chip")))
    theirs = text_of(as_user(reviewer).get(reverse("account_chip")))
    assert reverse("review") in theirs
    assert '<span class="chip warn">1</span>' in theirs


def test_the_overview_shows_teams_drafts_and_ways_to_change_the_account(
    as_user, member, team, django_assert_max_num_queries
):
    SubmissionFactory(team=team, name="My draft")
    browser = as_user(member)

    with django_assert_max_num_queries(5):
        page = text_of(browser.get(reverse("account")))

    assert "My draft" in page
    for name in ("account_details", "account_email", "account_change_password", "mfa_index", "account_delete"):
        assert reverse(name) in page


def test_a_second_factor_can_be_set_up_after_the_password(client):
    registered(client)

    question = client.get(reverse("mfa_activate_totp"), follow=True)
    page = text_of(client.post(question.redirect_chain[-1][0], {"password": PASSWORD}, follow=True))

    assert "Confirm that it is you" in text_of(question)
    assert "data:image/svg" in page


def test_details_can_be_changed(as_user, member):
    as_user(member).post(reverse("account_details"), {"name": "Ada L.", "affiliation": "Example Lab"})

    member.refresh_from_db()
    assert (member.name, member.affiliation) == ("Ada L.", "Example Lab")


def test_deleting_an_account_needs_the_password_and_keeps_what_was_public(as_user, member, team):
    sent = SubmissionFactory(team=team, sent=True, created_by=member)
    SubmissionFactory(team=team, created_by=member)
    browser = as_user(member)

    refused = text_of(browser.post(reverse("account_delete"), {"password": "wrong", "understood": "on"}))
    assert "This is not your password." in refused
    done = browser.post(reverse("account_delete"), {"password": PASSWORD, "understood": "on"}, follow=True)

    assert "Your account is deleted" in text_of(done)
    assert not User.objects.filter(pk=member.pk).exists()
    assert list(Submission.objects.all()) == [sent]  # the draft only that account could open is gone
    assert not AuditEvent.objects.filter(after__icontains="ada@example.org").exists()
    assert browser.get(reverse("account")).status_code == 302


def test_a_team_goes_on_when_one_of_its_members_deletes_the_account(as_user, member, team):
    heir = MembershipFactory(team=team, role="member")
    draft = SubmissionFactory(team=team, created_by=member)

    as_user(member).post(reverse("account_delete"), {"password": PASSWORD, "understood": "on"})

    heir.refresh_from_db()
    assert heir.role == "owner"
    assert Submission.objects.filter(pk=draft.pk).exists()


@pytest.mark.parametrize("name", ["account", "account_details", "account_delete", "submit", "team_create"])
def test_pages_of_an_account_ask_to_sign_in_and_are_kept_by_nobody(client, as_user, member, name):
    assert reverse("account_login") in client.get(reverse(name))["Location"]
    assert as_user(member).get(reverse(name))["Cache-Control"] == "private, no-store"
