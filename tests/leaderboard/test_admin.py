"""The admin shows everything to staff and changes nothing."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from leaderboard.admin import SHOWN
from tests import factories
from tests.factories import AttemptFactory, HostFactory, UserFactory


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("name", [model.__name__ for model in SHOWN if model.__name__ != "AuditEvent"])
def test_every_list_and_row_can_be_looked_at_and_not_changed(staff: Client, name: str) -> None:
    row = getattr(factories, f"{name}Factory")()
    base = f"admin:leaderboard_{name.lower()}"

    listed = staff.get(reverse(f"{base}_changelist"))
    shown = staff.get(reverse(f"{base}_change", args=[row.pk]))

    assert (listed.status_code, shown.status_code) == (200, 200)
    assert b'name="_save"' not in shown.content
    assert staff.get(reverse(f"{base}_add")).status_code == 403
    assert staff.post(reverse(f"{base}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.django_db
def test_hashes_of_keys_and_passwords_are_not_shown(staff: Client) -> None:
    host, attempt, user = HostFactory(), AttemptFactory(token_hash="f" * 64), UserFactory()

    for row, secret in ((host, host.key_hash), (attempt, attempt.token_hash), (user, user.password)):
        page = staff.get(reverse(f"admin:leaderboard_{row._meta.model_name}_change", args=[row.pk]))
        assert secret not in page.content.decode()


@pytest.mark.django_db
def test_the_admin_is_closed_to_everybody_else(client: Client) -> None:
    client.force_login(UserFactory(is_reviewer=True), backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.get(reverse("admin:index")).status_code != 200
    assert not any(model_admin.list_editable for model_admin in admin.site._registry.values())
