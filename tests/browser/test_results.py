"""The board of the 2024 competition in a real browser, from the imported logs: every digit and every control."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.accessibility import violations
from tests.browser.conftest import Complaints
from tests.browser.imported_site import ImportedSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

BOARD = "/leaderboards/v0.5/external/"
SHAMPOO = "/submissions/distributed-shampoo-external-v0-5/"
ADAMW = "schedule-free-adamw-external-v0-5"
COMPARE = f"/compare/?s={SHAMPOO.split('/')[2]}&s={ADAMW}"
PAGES = [
    "/", BOARD, f"{BOARD}?unit=hms&axis=linear&sort=ogbg", f"{BOARD}workloads/", f"{BOARD}workloads/ogbg/",
    f"{BOARD}robustness/", f"{BOARD}stability/", "/submissions/", SHAMPOO, f"{SHAMPOO}trials/ogbg/1/4/", COMPARE,
    "/compare/", "/queue/", "/decisions/", "/docs/api/",
]  # fmt: skip
MARKS = {"star": "*", "double_dagger": "‡"}
LIVE_MS = 60_000


@pytest.fixture(scope="module")
def published(shared: Path) -> list[dict[str, str]]:
    """The numbers as they were printed; `name` is the full name of the submission."""
    folder = shared / "data" / "algoperf"
    with (folder / "submissions.csv").open() as file:
        names = {(row["leaderboard"], row["submission"]): row["display_name"] for row in csv.DictReader(file)}
    with (folder / "published.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["leaderboard"] == "v05_external"]
    return [{**row, "name": names["v05_external", row["submission"]]} for row in rows]


@pytest.fixture(scope="module")
def site(shared: Path) -> Iterator[ImportedSite]:
    """The imported site, once for this file."""
    running = ImportedSite(shared / "data" / "algoperf")
    yield running
    running.stop()


@pytest.fixture
def page(chromium: Browser, site: ImportedSite, complaints: Complaints) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=site.address)
    yield complaints.listen(context.new_page())
    context.close()


def names_in(table: Locator) -> list[str]:
    return table.locator("tbody th .sub a").all_inner_texts()


def live_chart(page: Page, uid: str) -> Locator:
    """A chart after it has become interactive."""
    box = page.locator(f"#{uid}")
    box.scroll_into_view_if_needed()
    expect(box).to_have_class(re.compile("is-live"), timeout=LIVE_MS)
    return box


def test_eleven_rows_stand_in_the_printed_order_with_the_printed_scores(page: Page, published):
    page.goto(BOARD)
    table = page.get_by_role("region", name="Ranking table")
    printed = [row for row in published if row["workload"] == "score"]

    assert len(printed) == 11
    assert names_in(table) == [row["name"] for row in printed]
    assert table.locator("tbody td.rank").all_inner_texts() == [str(rank) for rank in range(1, 12)]
    scores = table.locator("tbody .score span").all_inner_texts()
    assert scores == [f"{float(row['value']):.4f}" for row in printed]


def test_all_88_cells_have_the_printed_value_and_mark(page: Page, published):
    page.goto(BOARD)
    table = page.get_by_role("region", name="Time to target table")
    printed = [row for row in published if row["workload"] != "score"]
    names = names_in(table)
    shown = [[" ".join(cell.split()) for cell in row.locator("td.h").all_inner_texts()] for row in
             table.locator("tbody tr").all()]  # fmt: skip
    workloads = list(dict.fromkeys(row["workload"] for row in printed))  # in the order of the columns

    assert len(printed) == 88
    for row in printed:
        plain = row["value"] if row["value"] in ("inf", "NaN", "nan") else f"{float(row['value']):.2f}"
        expected = plain.replace("nan", "NaN") + MARKS.get(row["mark"], "")
        cell = shown[names.index(row["name"])][workloads.index(row["workload"])]
        assert cell.replace(" ", "") == expected, (row["name"], row["workload"])


def test_marks_say_what_they_mean_and_lead_to_their_legend(page: Page):
    page.goto(BOARD)
    mark = page.get_by_role("link", name="‡ does not count: held-out variant failed").first

    mark.click()

    assert page.url.endswith("#marks")
    expect(page.locator("#marks")).to_contain_text("held-out variant failed, so the base workload does not count")


def test_a_column_sorts_counting_values_first_and_keeps_the_rank(page: Page):
    page.goto(BOARD)

    page.get_by_role("region", name="Time to target table").get_by_role("link", name="OGBG").click()

    table = page.get_by_role("region", name="Time to target table")
    assert names_in(table)[:2] == ["CASPR Adaptive", "Distributed Shampoo"]
    assert page.locator("th[aria-sort]").count() == 1
    ranks = page.get_by_role("region", name="Ranking table").locator("td.rank").all_inner_texts()
    assert ranks[:2] == ["8", "1"]


def test_lines_axis_and_unit_are_in_the_address_and_stay_there_together(page: Page):
    page.goto(BOARD)
    live_chart(page, "profile")

    page.get_by_label("Amos", exact=True).check()
    expect(page.get_by_text("7 of 11 shown in colour")).to_be_visible()
    assert "amos" in page.url
    page.get_by_role("link", name="linear axis").click()
    expect(page.get_by_label("Amos", exact=True)).to_be_checked()
    page.get_by_role("link", name="h:m:s").click()

    assert "axis=linear" in page.url
    assert "amos" in page.url
    cell = page.get_by_role("region", name="Time to target table").locator("tbody tr td.h").first
    expect(cell).to_have_text("1:24:03")
    page.go_back()
    expect(page.get_by_role("region", name="Time to target table").locator("tbody tr td.h").first).to_have_text("0.65")


def test_a_line_in_the_legend_changes_its_colour_in_the_chart(page: Page):
    page.goto(BOARD)
    live_chart(page, "profile")
    widths = """() => Object.fromEntries(document.querySelector('#profile .plot').data.map(
        (trace) => [trace.name, trace.line.width]))"""

    before = page.evaluate(widths)
    page.get_by_label("Cyclic LR", exact=True).uncheck()

    assert (before["Cyclic LR"], page.evaluate(widths)["Cyclic LR"]) == (2.4, 1.5)


def test_a_profile_tells_its_values_under_the_pointer_and_leads_to_its_submission(page: Page):
    page.goto(BOARD)
    box = live_chart(page, "profile")
    corner = page.evaluate(
        """() => {
          const plot = document.querySelector('#profile .plot');
          const trace = plot.data.find((one) => one.name === 'Distributed Shampoo');
          const {xaxis, yaxis} = plot._fullLayout;
          const at = plot.getBoundingClientRect();
          const last = trace.x.length - 2;
          return {x: at.left + xaxis._offset + xaxis.d2p(trace.x[last]),
                  y: at.top + yaxis._offset + yaxis.d2p(trace.y[last])};
        }"""
    )

    page.mouse.move(corner["x"] - 4, corner["y"] - 2)
    page.mouse.move(corner["x"], corner["y"])
    label = box.locator(".hoverlayer .hovertext")
    expect(label).to_contain_text("Distributed Shampoo")
    expect(label).to_contain_text("87.5% of workloads")
    page.mouse.click(corner["x"], corner["y"])

    page.wait_for_url(f"**{SHAMPOO}")


def test_sorting_and_the_legend_need_no_pointer(page: Page):
    page.goto(BOARD)
    live_chart(page, "profile")
    page.evaluate("window.scrollTo(0, 0)")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.get_by_label("Amos", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("7 of 11 shown in colour")).to_be_visible()
    page.get_by_role("link", name="Count", exact=True).focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**sort=counted**")
    assert page.locator("th[aria-sort]").inner_text().startswith("Count")
    expect(page.get_by_label("Amos", exact=True)).to_be_checked()


def test_from_the_board_to_a_submission_and_one_of_its_trials(page: Page):
    page.goto(BOARD)
    page.get_by_role("region", name="Ranking table").get_by_role("link", name="Distributed Shampoo").click()

    tiles = page.locator(".tiles")
    expect(tiles).to_contain_text("0.7784")
    expect(tiles).to_contain_text("7 of 8")
    expect(tiles).to_contain_text("5 of 6 passed")  # the base workload of the sixth was not reached
    row = page.get_by_role("region", name="Results table").get_by_role("row", name=re.compile("OGBG"))
    expect(row).to_contain_text("0:56:03")
    expect(row).to_contain_text("1.53×")
    page.get_by_label("Workload", exact=True).select_option(label="OGBG")
    page.wait_for_url("**workload=ogbg**")
    page.get_by_label("Study", exact=True).select_option(label="Study 1")
    page.wait_for_url("**study=1**")
    live_chart(page, "curves")
    page.locator("#training-curves").get_by_role("link", name="4", exact=True).click()
    expect(page.get_by_role("heading", name="OGBG, study 1, trial 4")).to_be_visible()
    expect(page.locator(".tiles")).to_contain_text("mAP ≥ 0.28098")


def test_robustness_and_stability_are_one_click_from_the_board(page: Page):
    page.goto(BOARD)
    page.get_by_role("link", name="Robustness").click()
    table = page.get_by_role("region", name="Held-out table")
    assert table.locator("tbody tr").count() == 11
    assert table.locator("thead th").count() == 8  # name, six variants, passed
    live_chart(page, "held-out-ogbg_model_size")

    page.get_by_role("link", name="Stability").click()
    live_chart(page, "ranks")
    row = page.get_by_role("region", name="Ranks with one workload left out").get_by_role(
        "row", name=re.compile("Generalized Adam")
    )
    expect(row).to_contain_text("2–6")


def test_two_ticked_in_the_ranking_are_compared(page: Page):
    page.goto(BOARD)
    page.get_by_label("Compare Distributed Shampoo").check()
    page.get_by_label("Compare Schedule Free AdamW").check()
    page.get_by_role("button", name="Compare selected").click()

    expect(page.get_by_role("heading", name="Compare submissions")).to_be_visible()
    expect(page.locator("#ratios-data")).to_contain_text("Data of this chart")
    page.locator("#ratios-data summary").click()
    row = page.get_by_role("region", name="Data: Distributed Shampoo against Schedule Free AdamW").get_by_role(
        "row", name=re.compile("WMT")
    )
    expect(row).to_contain_text("Schedule Free AdamW")
    expect(row).to_contain_text("2.41×")
    live_chart(page, "ratios")


def test_a_board_of_eleven_rows_is_light(page: Page):
    def packed(path: str) -> int:
        return len(gzip.compress(page.request.get(path).body()))

    page.goto(BOARD)
    own = page.evaluate("""() => [...document.querySelectorAll('script[src], link[rel=stylesheet]')].map(
        (one) => one.src || one.href).filter((url) => url.includes('/leaderboard/'))""")

    assert packed(BOARD) < 15_000
    assert sum(packed(url) for url in own if ".css" in url) < 10_000
    assert sum(packed(url) for url in own if ".js" in url) < 10_000


def themed(chromium: Browser, site: ImportedSite, theme: str) -> BrowserContext:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=site.address)
    context.add_cookies([{"name": "theme", "value": theme, "url": site.address}])
    return context


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_no_page_scrolls_sideways(
    chromium: Browser, site: ImportedSite, complaints: Complaints, theme: str
):
    context = themed(chromium, site, theme)
    page = complaints.listen(context.new_page())
    problems = []
    for path in PAGES:
        page.set_viewport_size({"width": 1280, "height": 900})
        assert page.goto(path).status == 200, path
        problems += [f"{path}: {problem}" for problem in violations(page)]
        page.set_viewport_size({"width": 320, "height": 800})
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            problems.append(f"{path} is {width} px wide at 320 px")
    context.close()
    assert problems == []


def test_everything_can_be_read_without_scripts(chromium: Browser, site: ImportedSite, complaints: Complaints):
    context = chromium.new_context(java_script_enabled=False, base_url=site.address)
    page = complaints.listen(context.new_page())

    page.goto(f"{BOARD}?show={ADAMW}&axis=linear")
    assert page.locator("#profile svg.chart").first.is_visible()
    page.get_by_role("button", name="Show in colour").click()
    assert "axis=linear" in page.url
    page.goto(f"{BOARD}robustness/")
    assert page.locator("figure svg.chart.hide-s:visible").count() == 6
    page.goto(COMPARE)
    assert page.locator("#ratios svg.chart").first.is_visible()
    context.close()


def test_printed_pages_show_pictures_and_whole_tables_without_controls(page: Page):
    page.goto(BOARD)
    live_chart(page, "profile")

    page.emulate_media(media="print")

    expect(page.locator(".site")).to_be_hidden()
    expect(page.get_by_role("button", name="Filter")).to_be_hidden()
    expect(page.locator("#profile svg.chart.hide-s")).to_be_visible()
    overflow = "(e) => getComputedStyle(e).overflowX"
    assert page.get_by_role("region", name="Time to target table").evaluate(overflow) == "visible"
