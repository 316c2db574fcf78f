"""charts.js in a real browser, under the site's content security policy, on a page of its own."""

import http.server
import json
import shutil
import threading
from pathlib import Path

import plotly
import pytest
from django.conf import settings
from django.utils.html import escape

from leaderboard import charts
from tests.leaderboard.test_charts import HOSTILE, bar, bars, curve_line, curves, profile, profile_line

pytestmark = pytest.mark.browser

STATIC = Path(__file__).parents[2] / "leaderboard/static/leaderboard"
BUNDLE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
CHROMIUM = shutil.which("chromium")
POLICY = "; ".join(
    f"{name} {' '.join(sources)}" for name, sources in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()
)


def the_charts():
    lines = [
        profile_line(),
        profile_line("other", slot=1, name=HOSTILE),
        profile_line("quiet", slot=2, in_colour=False),
    ]
    return [profile(lines), curves([curve_line(), curve_line(2, hit=None)]), bars([bar(), bar("slow", 50.0, "star")])]


def box(chart: charts.Chart) -> str:
    legend = "".join(
        f'<input type="checkbox" aria-label="{escape(entry.name)}" data-chart="{chart.uid}" data-trace="{entry.trace}"'
        f"{' checked' if entry.is_on else ''}>"
        for entry in chart.legend
    )
    return (
        f'<div class="chart-box" id="{chart.uid}" data-figure="/{chart.uid}.json" data-plotly="/plotly.js">{chart.svg}'
        f'<button type="button" data-interactive hidden>Interactive</button></div>{legend}'
        f'<span data-count="{chart.uid}"></span>'
    )


def site(made: list[charts.Chart]) -> dict[str, tuple[str, bytes]]:
    body = "".join(box(chart) for chart in made)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Charts</title><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="/design.css"><script src="/charts.js" defer></script><main>{body}</main>'
    )
    return {
        "/": ("text/html", page.encode()),
        "/design.css": ("text/css", (STATIC / "design.css").read_bytes()),
        "/charts.js": ("text/javascript", (STATIC / "charts.js").read_bytes()),
        "/plotly.js": ("text/javascript", BUNDLE.read_bytes()),
        **{
            f"/submissions/{name}/": ("text/html", b'<title>A submission</title><link rel="icon" href="data:,">')
            for name in ("fast", "other")
        },
        **{f"/{chart.uid}.json": ("application/json", json.dumps(chart.figure).encode()) for chart in made},
    }


class Handler(http.server.BaseHTTPRequestHandler):
    files: dict[str, tuple[str, bytes]] = {}

    def do_GET(self):
        kind, content = self.files.get(self.path.partition("?")[0], ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", f"{kind or 'text/plain'}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: run make setup")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def served():
    handler = type("Site", (Handler,), {"files": site(the_charts())})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler.files, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(chromium, served):
    """Opens the page in a window; whatever the console says on the way fails the test."""
    said: list[str] = []
    contexts = []

    def open_page(*, width=1200, script=True, expected=()):
        context = chromium.new_context(viewport={"width": width, "height": 1600}, java_script_enabled=script)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(served[1])
        return page

    open_page.allow = lambda text: said[:] and said.__setitem__(slice(None), [s for s in said if text not in s])
    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def wait_live(page, count=3):
    page.locator("[data-state=live]").nth(count - 1).wait_for(state="attached", timeout=60_000)


def trace_of(page, uid, name):
    return page.evaluate(
        "([uid, name]) => { const t = document.querySelector(`#${uid} .plot`).data.find((t) => t.meta.trace === name);"
        "return {color: t.line?.color, opacity: t.opacity, visible: t.visible}; }",
        [uid, name],
    )


def test_figures_take_the_place_of_the_images_without_moving_the_page(open_page):
    page = open_page(script=False)
    before = page.locator("#profile").bounding_box()["height"]
    page = open_page()
    wait_live(page)
    assert page.locator("#profile .plot svg.main-svg").first.is_visible()
    assert not page.locator("#profile svg.chart.hide-s").is_visible()
    assert abs(page.locator("#profile").bounding_box()["height"] - before) <= 2


def test_without_scripts_the_images_stay(open_page):
    page = open_page(script=False)
    assert page.locator("svg.chart.hide-s").count() == 3
    assert page.locator("#profile svg.chart.hide-s").is_visible()


def test_colours_follow_the_theme(open_page):
    page = open_page()
    wait_live(page)
    light = trace_of(page, "profile", "fast")["color"]
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    page.wait_for_timeout(500)
    assert (light, trace_of(page, "profile", "fast")["color"]) == ("#0b3e99", "#336abf")


def test_the_legend_puts_a_line_into_the_background_and_back(open_page):
    page = open_page()
    wait_live(page)
    page.get_by_role("checkbox", name="Fast").uncheck()
    assert trace_of(page, "profile", "fast")["opacity"] == 0.55
    assert page.locator("[data-count=profile]").inner_text() == "1 of 3 shown in colour"
    page.get_by_role("checkbox", name="Fast").check()
    page.get_by_role("checkbox", name="Quiet").check()
    assert trace_of(page, "profile", "quiet") == {"color": "#338275", "opacity": 1, "visible": None}
    assert page.locator("[data-count=profile]").inner_text() == "3 of 3 shown in colour"


def test_the_legend_hides_and_shows_a_trial(open_page):
    page = open_page()
    wait_live(page)
    page.get_by_role("checkbox", name="Trial 2").uncheck()
    assert trace_of(page, "curves", "t2")["visible"] is False


def test_the_legend_also_works_on_the_images(open_page):
    page = open_page(width=390)
    page.get_by_role("checkbox", name="Fast").uncheck()
    line = page.locator('#profile svg.only-s [data-trace="fast"]')
    assert line.get_attribute("class") == "s sx thin"
    page.get_by_role("checkbox", name="Trial 2").uncheck()
    assert not page.locator('#curves svg.only-s path[data-trace="t2"]').is_visible()


def test_on_a_phone_a_figure_waits_until_it_is_asked_for(open_page):
    page = open_page(width=390)
    page.wait_for_timeout(1000)
    assert page.locator("[data-state]").count() == 0
    page.locator("#bars [data-interactive]").click()
    wait_live(page, 1)
    assert page.locator("[data-state=live]").get_attribute("id") == "bars"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_hostile_name_is_shown_as_text(open_page):
    page = open_page()
    wait_live(page)
    box = page.locator("#profile .plot .nsewdrag").bounding_box()
    # The second line lies at the level of the first; both names are hovered at its corner at tau 2.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.02)
    page.locator("#profile .hoverlayer text").first.wait_for()
    texts = page.evaluate("[...document.querySelectorAll('#profile .hoverlayer text')].map((t) => t.textContent)")
    assert any("τ ≤ 2.000: 100.0% of workloads" in text for text in texts)
    assert page.locator("#profile .hoverlayer a, #profile [onclick]").count() == 0


def test_a_click_on_a_line_leads_to_its_submission(open_page):
    page = open_page()
    wait_live(page)
    box = page.locator("#profile .plot .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.02)
    page.locator("#profile .hoverlayer text").first.wait_for()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.02)
    page.wait_for_url("**/submissions/**")


def test_a_figure_that_does_not_come_leaves_the_image(open_page, served):
    served[0].pop("/bars.json")
    page = open_page()
    page.locator("#bars[data-state=static]").wait_for(state="attached", timeout=60_000)
    assert page.locator("#bars svg.chart.hide-s").is_visible()
    open_page.allow("404")
