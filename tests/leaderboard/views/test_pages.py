"""What all pages share: frame, policy, errors; and the landing page and the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse

from leaderboard import rule_book
from sandbox_runner import compliance
from tests.factories import SubmissionFactory
from tests.leaderboard import steps
from tests.leaderboard.views.conftest import text_of

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PUBLIC = ["landing", "rules", "accessibility", "submissions", "queue", "decisions", "reference_submissions"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_pages_have_a_frame_a_title_and_a_strict_policy(client, name):
    response = client.get(reverse(name))
    page = text_of(response)

    assert response.status_code == 200
    assert page.startswith("<!doctype html>")
    assert re.search(r"<title>[^<]+ · AlgoPerf results</title>", page)
    assert page.count("<h1") == 1
    assert '<a class="skip" href="#main">' in page
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in response


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_styles_or_scripts(path):
    text = path.read_text()

    assert not re.search(r"\sstyle=", text)
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"hx-(on|vals|vars)", text)  # they would need eval


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.name.startswith("_")], ids=lambda path: path.name)
def test_a_partial_says_first_what_it_needs(path):
    assert path.read_text().startswith("{# ")


def test_all_templates_compile():
    for path in TEMPLATES:
        get_template(str(path.relative_to(ROOT / "templates")))


def test_the_landing_page_shows_the_top_the_running_and_the_waiting(
    client, published, host, django_assert_max_num_queries
):
    published(name="AdamW")
    steps.sent(name="Running one")
    steps.run(host)
    steps.sent(name="Waiting one")

    with django_assert_max_num_queries(5):
        page = text_of(client.get(reverse("landing")))

    assert "AdamW" in page
    assert "Running one" in page
    assert "1 waiting" in page


def test_every_rule_has_an_anchor_that_findings_and_decisions_link_to(client):
    page = text_of(client.get(reverse("rules")))

    for rule in [entry.id for entry in compliance.CATALOGUE] + [entry.id for entry in rule_book.REVIEWED]:
        assert f'id="{rule}"' in page
    assert dict(rule_book.choices()).keys() >= {entry.id for entry in rule_book.REVIEWED}


def test_no_anchor_on_the_rules_page_is_there_twice(client):
    anchors = re.findall(r'\sid="([^"]+)"', text_of(client.get(reverse("rules"))))

    assert sorted(anchors) == sorted(set(anchors))


def test_a_missing_page_says_what_to_do_and_names_the_request(client):
    response = client.get("/nothing/here/")

    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)
    assert response["X-Request-ID"] in text_of(response)


def test_our_own_mistake_is_a_page_that_says_what_is_safe(settings, monkeypatch):
    def broken(*args):
        raise RuntimeError("a bug")

    monkeypatch.setattr("leaderboard.models.Submission.objects.for_list", broken, raising=False)
    client = Client(raise_request_exception=False)

    response = client.get(reverse("submissions"))

    assert response.status_code == 500
    page = text_of(response)
    assert "Something went wrong on our side" in page
    assert "a bug" not in page
    assert response["X-Request-ID"] in page


def test_a_form_without_its_token_is_refused_in_words(db):
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "x", "password": "y"})

    assert response.status_code == 403
    assert "This form was open for too long" in text_of(response)


def test_pages_of_finished_submissions_hold_no_token_and_no_form_that_changes_anything(client, published, with_code):
    row = with_code(published())

    page = text_of(client.get(row.get_absolute_url()))

    assert "csrfmiddlewaretoken" not in page
    assert 'method="post"' not in page


def test_long_lists_come_in_pages(client):
    for _ in range(101):
        SubmissionFactory(sent=True)

    page = text_of(client.get(reverse("submissions")))

    assert "1 to 100 of 101" in page
    assert 'href="?page=2"' in page
    assert "Page 2 of 2" in text_of(client.get(f"{reverse('submissions')}?page=2"))


def test_the_admin_has_no_sign_in_of_its_own(client):
    answer = client.get("/admin/login/?next=/admin/")

    assert reverse("account_login") in answer["Location"]
