"""Debian's Chromium, driven by Playwright; any console error or policy violation fails the test that caused it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.site import Site

ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser per file: Playwright keeps an event loop running in this thread, which others must not meet."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("Chromium is not installed: run `make setup`")
    # Its loop lives in this thread, where rows are made too, one after the other: Django need not worry.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Complaints:
    """What a browser's console said that a person should never see there."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listen(self, page: Page) -> Page:
        page.on("console", lambda message: self._note(page, message))
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: {error}"))
        return page

    def _note(self, page: Page, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") or "Content Security Policy" in message.text:
            self.heard.append(f"{page.url}: {message.type}: {message.text}")


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Pages to listen to; at the end of the test nothing may have been heard."""
    complaints = Complaints()
    yield complaints
    assert complaints.heard == []


@pytest.fixture(scope="module")
def site(engine: str, sandbox_images: dict[str, str], mini_data: Path) -> Iterator[Site]:
    """A site with one local host, on the engine, images and data of this checkout."""
    running = Site({"ALGOPERF_DOCKER_HOST": engine, "ALGOPERF_DATA": str(mini_data)})
    try:
        yield running
    finally:
        running.stop()
