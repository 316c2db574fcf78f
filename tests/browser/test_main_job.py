"""The main job of the product in one story: from registration to the board, and a disqualification, in a browser.

The training is real: a sandboxed run of a reference submission on one mini workload.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints
from tests.browser.site import Site
from workloads import editions

pytestmark = [pytest.mark.browser, pytest.mark.docker, pytest.mark.trains, pytest.mark.timeout(900)]

PASSWORD = "correct horse battery"
RUN_MS = 420_000  # from sending to the end of the only trial
STEP_MS = 60_000
WORKLOADS = len(editions.load("mini").workloads) + len(editions.load("mini").held_out)


def register(page: Page, site: Site, name: str, email: str) -> None:
    """Creates an account and opens the link in the message."""
    page.goto(f"{site.address}/account/signup/")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Confirm your e-mail address")).to_be_visible()
    link = re.search(r"http://\S+", site.mail(email, "Confirm"))
    assert link
    page.goto(link[0])
    page.get_by_role("button", name="Yes, confirm it").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def create_team(page: Page, name: str) -> None:
    page.get_by_role("link", name="Create a team").first.click()
    page.get_by_label("Team name").fill(name)
    page.get_by_label("Affiliation").fill("Example University")
    page.get_by_role("button", name="Create the team").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def download_reference(page: Page, site: Site, folder: Path) -> Path:
    """The reference submission as the page offers it."""
    page.goto(f"{site.address}/submit/references/")
    with page.expect_download() as download:
        page.get_by_role("link", name="adamw_pytorch.zip", exact=True).click()
    path = folder / "adamw_pytorch.zip"
    download.value.save_as(path)
    return path


def upload(page: Page, site: Site, archive: Path) -> None:
    """A quick look: one workload, one study, one trial."""
    page.goto(f"{site.address}/submit/")
    page.get_by_label("Name", exact=True).fill("AdamW")
    page.get_by_label("Self-tuning").check()
    page.get_by_label("PyTorch").check()
    page.get_by_text("Quick look: run only a part of it").click()
    page.get_by_label("wmt", exact=True).check()
    page.get_by_label("Run one study only").check()
    page.get_by_label("Archive").set_input_files(archive)
    expect(page.get_by_text(re.compile("SHA-256 [0-9a-f]{64}"))).to_be_visible()
    page.get_by_role("button", name="Upload and check").click()
    # The checks appear by themselves; when they are through, so does everything else.
    expect(page.get_by_text("All checks passed.")).to_be_visible(timeout=STEP_MS)
    expect(page.get_by_text("1 trial on 1 workload")).to_be_visible()


def send(page: Page) -> None:
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("Accept the licence statement.")
    page.get_by_label(re.compile("We may submit this code")).check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Sent. You get an e-mail when it has ended.")).to_be_visible()


def watch(page: Page) -> None:
    """Live progress, without a reload: both bars move, the log grows; then the page becomes the final one."""
    target_bar = page.get_by_role("progressbar", name=re.compile("Best value against the target"))
    expect(target_bar).to_be_visible(timeout=RUN_MS)
    page.evaluate("window.stillTheSamePage = true")
    budget = page.locator("#live .prog", has_text="Budget used").locator(".tab")
    before = budget.inner_text()
    expect(budget).not_to_have_text(before, timeout=STEP_MS)
    assert page.evaluate("window.stillTheSamePage") is True
    expect(page.locator(".chip", has_text="Incomplete").first).to_be_visible(timeout=RUN_MS)


def check_results(page: Page, site: Site, email: str) -> None:
    """Times, curve, code and log on the page; the message; the board."""
    expect(page.locator("#trials")).to_contain_text(re.compile("reached the target|used its budget"))
    expect(page.locator("#training-curves")).to_contain_text("Trial 1")
    expect(page.locator("#code")).to_contain_text("def update_params")
    page.get_by_role("link", name=re.compile("curve, log")).first.click()
    expect(page.get_by_role("heading", name="Evaluations")).to_be_visible()
    assert f"Ran 1 of {WORKLOADS} workloads." in site.mail(email, "has ended")
    page.goto(f"{site.address}/leaderboards/mini/self_tuning/")
    row = page.locator("#not-ranked").get_by_role("row", name=re.compile("AdamW"))
    expect(row).to_contain_text("Incomplete")
    expect(row).to_contain_text(f"Ran 1 of {WORKLOADS} workloads.")


def disqualify(page: Page, site: Site) -> None:
    """A reviewer decides; nothing happens before the second page."""
    page.goto(f"{site.address}/review/?show=all")
    page.get_by_role("link", name="AdamW", exact=True).click()
    page.get_by_label("Disqualify the submission").check()
    page.get_by_label("Rule").select_option("workload-specific")
    page.get_by_label("Public note").fill("Only an example. Line 1 of submission.py names nothing.")
    page.get_by_label("Internal reason").fill("To see that it works.")
    page.get_by_role("button", name="Preview the decision").click()
    expect(page.get_by_text("The decision is public at once")).to_be_visible()
    page.get_by_role("button", name="Publish the decision").click()
    expect(page.get_by_text("It is public now.")).to_be_visible()


def check_public_record(page: Page, site: Site) -> None:
    """What anybody sees of it, without an account."""
    page.goto(f"{site.address}/decisions/")
    expect(page.get_by_role("row", name=re.compile("AdamW"))).to_contain_text("Only an example.")
    page.goto(f"{site.address}/leaderboards/mini/self_tuning/")
    row = page.locator("#not-ranked").get_by_role("row", name=re.compile("AdamW"))
    expect(row).to_contain_text("Disqualified")
    row.get_by_role("link", name="AdamW").click()
    expect(page.locator("main")).to_contain_text("Only an example.")
    expect(page.locator("body")).not_to_contain_text("To see that it works.")


def test_a_team_registers_uploads_watches_and_is_ranked_until_a_reviewer_disqualifies(
    chromium: Browser, site: Site, complaints: Complaints, tmp_path: Path
) -> None:
    team = complaints.listen(chromium.new_context().new_page())
    try:
        register(team, site, "Ada Example", "ada@example.org")
        create_team(team, "Team Example")
        archive = download_reference(team, site, tmp_path)
        upload(team, site, archive)
        send(team)
        watch(team)
        check_results(team, site, "ada@example.org")

        reviewer = complaints.listen(chromium.new_context().new_page())
        register(reviewer, site, "Sam Reviewer", "sam@example.org")
        site.shell("grant_role", "sam@example.org", "reviewer")
        disqualify(reviewer, site)

        stranger = complaints.listen(chromium.new_context().new_page())
        check_public_record(stranger, site)
    except Exception:
        print(site.logs())  # what a person would look at first
        raise
