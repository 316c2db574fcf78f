"""Every page in a real browser: no complaint in the console, no sideways scroll, names for everything one can use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext

from leaderboard import files, lifecycle, standings
from leaderboard.models import Submission, User
from tests.browser.conftest import Complaints
from tests.factories import (
    DecisionFactory,
    FindingFactory,
    HostFactory,
    MembershipFactory,
    SubmissionFactory,
    SubmissionFileFactory,
    TeamFactory,
    UserFactory,
)
from tests.leaderboard import steps
from tests.leaderboard.conftest import make_edition
from workloads import editions

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

LONG = "A name that goes on and on " * 4
SPACE = json.dumps(
    {
        "learning_rate": {"min": 0.0001, "max": 0.1, "scaling": "log"},
        "an_unusually_long_name_of_a_hyperparameter": {"min": 0, "max": 1, "scaling": "linear"},
    }
)
PUBLIC = ["landing", "rules", "accessibility", "submissions", "queue", "decisions", "reference_submissions",
          "account_login", "account_signup", "account_reset_password"]  # fmt: skip
PRIVATE = ["account", "account_details", "account_delete", "account_email", "account_change_password", "mfa_index",
           "submit", "team_create"]  # fmt: skip

# What assistive technology would stumble over, as sentences.
PROBLEMS = """() => {
  const found = [];
  const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  const short = (e) => e.outerHTML.slice(0, 120);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) found.push(`id ${id} is used twice`);
  if (document.querySelectorAll("h1").length !== 1) found.push("not exactly one h1");
  if (!document.documentElement.lang) found.push("no language");
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (seen(e) && !e.labels.length && !e.getAttribute("aria-label")) found.push(`no label: ${short(e)}`);
    const box = e.getBoundingClientRect();
    const label = e.labels[0]?.getBoundingClientRect();
    const height = Math.max(box.height, label ? label.height : 0);
    if (seen(e) && height < 18) found.push(`small target: ${short(e)}`);
  }
  for (const e of document.querySelectorAll("a[href], button, summary")) {
    const name = (e.getAttribute("aria-label") || e.textContent).trim();
    if (seen(e) && !name && !e.querySelector("svg[role=img], img[alt]")) found.push(`no name: ${short(e)}`);
  }
  for (const e of document.querySelectorAll("button, .btn, summary")) {
    const box = e.getBoundingClientRect();
    if (seen(e) && (box.height < 24 || box.width < 24)) found.push(`small target: ${short(e)}`);
  }
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) found.push(`no alt: ${short(e)}`);
  for (const e of document.querySelectorAll("progress, svg[role=img]")) {
    const named = e.getAttribute("aria-label") || e.getAttribute("aria-labelledby");
    if (!named) found.push(`no name: ${short(e)}`);
  }
  for (const e of document.querySelectorAll(".tbl, .scroll, .code, .log")) {
    const scrolls = e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
    if (seen(e) && scrolls && e.tabIndex !== 0) found.push(`cannot be reached by keyboard: ${short(e)}`);
  }
  for (const e of document.querySelectorAll("th:not([scope])")) found.push(`th without scope: ${short(e)}`);
  const labelled = [...document.querySelectorAll("[aria-labelledby], [aria-describedby]")];
  for (const e of labelled) {
    const names = `${e.getAttribute("aria-labelledby") || ""} ${e.getAttribute("aria-describedby") || ""}`;
    for (const id of names.split(" ").filter(Boolean)) {
      if (!document.getElementById(id)) found.push(`${id} is not there: ${short(e)}`);
    }
  }
  return found;
}"""


@pytest.fixture(autouse=True)
def _room_and_files(settings: Any, tmp_path: Any) -> None:
    settings.FILES_DIRECTORY = tmp_path
    settings.QUOTA_ACTIVE_PER_TEAM = 9


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> dict[str, list[str]]:
    """A site with something in every corner; who reads -> the addresses to look at."""
    edition = make_edition()
    monkeypatch.setattr(editions, "load", lambda name: edition)
    team = TeamFactory(name=LONG[:80], slug="team", affiliation=LONG)
    ada = MembershipFactory(team=team, user=UserFactory(email="ada@example.org", name=LONG)).user
    UserFactory(email="sam@example.org", is_reviewer=True, affiliation="Elsewhere")
    host = HostFactory(name="local")
    done = _published(team, host, name=LONG, authors=LONG, ruleset="external", search_space_json=SPACE)
    other = _published(team, host, name="Other", is_baseline=True, ruleset="external", search_space_json=SPACE)
    decision = DecisionFactory(submission=other)
    SubmissionFactory(team=team, sent=True, status="disqualified", ruleset="external", status_note=LONG * 3)
    draft = _with_code(SubmissionFactory(team=team, ruleset="external", search_space_json=SPACE, status="rejected"))
    running = steps.sent(team=team, name="Running")
    attempt = steps.run(host)
    steps.report(attempt, "evaluation", steps.evaluation(0, 2.5, 0.4).as_json())
    lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now(), charged_s=5.0, log_tail="x" * 500)
    of_done = [
        done.get_absolute_url(),
        reverse("code", args=[done.slug, "submission.py"]),
        reverse("trial", args=[done.slug, "small", 1, 1]),
        *(reverse(name, args=["mini", "external"]) for name in ("board", "workloads", "robustness", "stability")),
        reverse("workload", args=["mini", "external", "small"]),
        f"{reverse('compare')}?s={done.slug}&s={other.slug}",
        reverse("compare"),
        reverse("decision", args=[decision.pk]),
    ]
    of_draft = [reverse(name, args=[draft.pk]) for name in ("draft", "draft_discard")]
    questions = ("submission_manage", "submission_cancel", "submission_withdraw", "submission_renew")
    own = [running.get_absolute_url(), *(reverse(name, args=[running.slug]) for name in questions)]
    return {
        "": [*(reverse(name) for name in PUBLIC), *of_done, running.get_absolute_url(), "/teams/team/", "/nothing/"],
        ada.email: [*(reverse(name) for name in PRIVATE), *of_draft, *own, "/teams/team/manage/"],
        "sam@example.org": [reverse("review"), f"{reverse('review')}?show=all", reverse("case", args=[done.slug])],
    }


def _published(team: Any, host: Any, **fields: Any) -> Submission:
    row = _with_code(steps.sent(team=team, revision="r1", **fields))
    steps.run_everything(row, host)
    settled = lifecycle.settle_submission(row.pk)
    standings.recompute_board_of(settled)
    return settled


def _with_code(row: Submission) -> Submission:
    code = b"def update_params(workload):\n    return " + b"workload, " * 60 + b"\n"
    SubmissionFileFactory(submission=row, path="submission.py", sha256=files.store(code), nbytes=len(code))
    check = row.checks.create(sequence=1, rule="workload-names", title="Names", stage="rules", state="note")
    FindingFactory(submission=row, check_run=check, verdict="note", path="submission.py", line=2, excerpt="x" * 200,
                   message=LONG * 3, fix=LONG)  # fmt: skip
    return row


def signed_in(chromium: Browser, address: str, email: str) -> BrowserContext:
    """A browser in which somebody is signed in; without an address, nobody."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    if email:
        client = Client()
        client.force_login(User.objects.get(email=email))
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])
    return context


def test_a_form_with_errors_takes_the_focus_to_their_list(
    chromium: Browser, complaints: Complaints, live_server: Any, addresses: dict[str, list[str]]
) -> None:
    page = complaints.listen(signed_in(chromium, live_server.url, "ada@example.org").new_page())
    page.goto(f"{live_server.url}/submit/")

    page.get_by_role("button", name="Upload and check").click()

    assert page.evaluate("document.activeElement.id") == "error-summary"
    assert page.title().startswith("Error: Submit")
    assert page.evaluate(PROBLEMS) == []
    page.get_by_role("link", name="Choose the zip to send.").click()
    assert page.evaluate("document.activeElement.id") == "id_archive"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_can_be_used_by_everybody_at_every_width(
    chromium: Browser, complaints: Complaints, live_server: Any, addresses: dict[str, list[str]], theme: str
) -> None:
    problems: list[str] = []
    for email, paths in addresses.items():
        context = signed_in(chromium, live_server.url, email)
        context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
        page = complaints.listen(context.new_page())
        for path in paths:
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto(live_server.url + path)
            assert page.url.partition("?")[0] == live_server.url + path.partition("?")[0]  # not led elsewhere
            assert page.evaluate("document.documentElement.dataset.theme") == theme
            problems += [f"{path}: {problem}" for problem in page.evaluate(PROBLEMS)]
            for wide in (1280, 800, 320):
                page.set_viewport_size({"width": wide, "height": 800})
                width = page.evaluate("document.documentElement.scrollWidth")
                if width > wide:
                    problems.append(f"{path} is {width} px wide at {wide} px")
        context.close()
    complaints.heard = [line for line in complaints.heard if "404 (Not Found)" not in line]  # the page that is missing
    assert problems == []


def test_pages_can_be_read_without_scripts(
    chromium: Browser, complaints: Complaints, live_server: Any, addresses: dict[str, list[str]]
) -> None:
    page = complaints.listen(chromium.new_context(java_script_enabled=False).new_page())

    for path in addresses[""]:
        page.goto(live_server.url + path)
        text = page.inner_text("main")
        assert len(text) > 80, path
        assert page.locator("[data-theme-button]").is_hidden()
        assert page.get_by_role("link", name="Account").first.is_visible()
    complaints.heard = [line for line in complaints.heard if "404 (Not Found)" not in line]


def test_the_theme_button_goes_round_and_is_remembered(
    chromium: Browser, complaints: Complaints, live_server: Any, transactional_db: None
) -> None:
    page = complaints.listen(chromium.new_context().new_page())
    page.goto(live_server.url)
    button = page.locator("[data-theme-button]")

    seen = []
    for _ in range(3):
        button.click()
        page.reload()
        seen.append(
            (page.evaluate("document.documentElement.dataset.theme ?? 'system'"), button.get_attribute("aria-label"))
        )

    assert seen == [("light", "Theme: light"), ("dark", "Theme: dark"), ("system", "Theme: follows system")]


def test_small_screens_have_a_menu_that_needs_no_script(
    chromium: Browser, complaints: Complaints, live_server: Any, transactional_db: None
) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = complaints.listen(context.new_page())
    page.goto(live_server.url)

    page.get_by_text("Menu", exact=True).click()
    page.get_by_label("Menu").get_by_role("link", name="Submissions").click()

    assert page.url == f"{live_server.url}/submissions/"


def test_live_pages_say_when_the_connection_is_lost(
    chromium: Browser, live_server: Any, addresses: dict[str, list[str]]
) -> None:
    page = chromium.new_context().new_page()
    running = Submission.objects.get(name="Running")
    page.goto(live_server.url + running.get_absolute_url())
    page.wait_for_function("window.htmx !== undefined")

    page.route("**/live/**", lambda route: route.abort())

    page.get_by_text("lost, retrying.").wait_for(timeout=20_000)
