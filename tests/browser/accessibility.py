"""What axe-core finds on a page, as sentences."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from playwright.sync_api import Page


@cache
def _source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """Every rule of axe-core that the page breaks, each with the first element that does.

    The script is evaluated by the browser's own tools, so the page's policy neither hinders nor hides anything.
    """
    page.evaluate(_source())
    found = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
            (one) => `${one.id} (${one.nodes.length}×): ${one.help}: ${one.nodes[0].html.slice(0, 160)}`)"""
    )
    return [str(one) for one in found]
