"""What pages cost: rendered, from a cache in front of the site, and the same bytes as a plain file, in one run.

gunicorn with two workers, PostgreSQL, nginx; the imported v0.5 board where its logs are at hand, and a board of 1,000
invented submissions. The reader runs on the same machine.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.http_client import Connection, Timing, measure

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ALGOPERF_SHARED", ROOT.parent / "shared")) / "data" / "algoperf"


@dataclass(frozen=True, kw_only=True)
class Page:
    """One address to measure."""

    name: str
    path: str


IMPORTED = (
    Page(name="board, 11 submissions", path="/leaderboards/v0.5/external/"),
    Page(name="submission", path="/submissions/distributed-shampoo-external-v0-5/"),
    Page(
        name="compare two",
        path="/compare/?s=distributed-shampoo-external-v0-5&s=schedule-free-adamw-external-v0-5",
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--submissions", type=int, default=1_000, help="of the invented board")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="algoperf-bench-") as name, servers.postgres(Path(name)) as database:
            folder = Path(name)
            environment = _environment(folder, database)
            pages = _fill(environment, options.submissions)
            with servers.gunicorn(environment, folder) as site, servers.nginx(site, folder) as (cached, plain, files):
                _report(pages, site, cached, plain, files, options)
    except servers.MissingProgram as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _environment(folder: Path, database: str) -> dict[str, str]:
    """The production settings, without TLS."""
    return {
        "DJANGO_SETTINGS_MODULE": "webapp.settings.production",
        "DATABASE_URL": database,
        "ALGOPERF_STATE": str(folder / "state"),
        "SECRET_KEY": "only for this measurement",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": "http://127.0.0.1",
        "EMAIL_URL": "consolemail://",
        "SECURE_SSL_REDIRECT": "false",
        "LOG_LEVEL": "WARNING",
    }


def _fill(environment: Mapping[str, str], submissions: int) -> list[Page]:
    """Tables, static files and boards; returns the pages there are to measure."""
    manage = [sys.executable, "manage.py"]
    _call("migrations", [*manage, "migrate", "-v0"], environment)
    _call("static files", [*manage, "collectstatic", "--noinput", "-v0"], environment)
    invented = [sys.executable, "-m", "benchmarks.synthetic_board", str(submissions)]
    _call(f"a board of {submissions:,} invented submissions", invented, environment)
    pages = [Page(name=f"board, {submissions:,} submissions", path="/leaderboards/v0.6/external/")]
    if SHARED.is_dir():
        _call("printed boards", [*manage, "load_printed_boards"], environment)
        command = [*manage, "import_results", str(SHARED), "--edition=v0.5", "--ruleset=external"]
        _call("import of v0.5 external", command, environment)
        pages = [*IMPORTED, *pages]
    else:
        print(f"There are no logs in {SHARED}; name their folder in ALGOPERF_SHARED to measure the imported board.")
    return pages


def _call(what: str, command: list[str], environment: Mapping[str, str]) -> None:
    """Says what it cost; children's CPU seconds are user and system together."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{what}: {cpu:.1f} s of CPU, {time.perf_counter() - start:.1f} s", flush=True)


def _report(pages: list[Page], site: str, cached: str, plain: str, files: Path, options: argparse.Namespace) -> None:
    print(f"\n{options.connections} connections for {options.seconds:g} s each; times in ms, /s is requests a second")
    print(f"{'':34}{'first':>8}{'rendered':>24}{'cached':>24}{'plain file':>24}{'cached : plain':>16}")
    print(f"{'':34}{'':>8}" + f"{'p50':>8}{'p95':>8}{'/s':>8}" * 3 + f"{'p50':>8}{'/s':>8}")
    for number, page in enumerate(pages):
        first, body = _first(f"{site}{page.path}")
        (files / f"{number}.html").write_bytes(body)
        seconds, connections = options.seconds, options.connections
        rendered = measure(f"{site}{page.path}", seconds=seconds, connections=connections)
        kept = measure(f"{cached}{page.path}", seconds=seconds, connections=connections)
        file = measure(f"{plain}/{number}.html", seconds=seconds, connections=connections)
        ratio = f"{kept.p50_ms / file.p50_ms:>8.2f}{file.per_second / kept.per_second:>8.2f}"
        print(f"{page.name:34}{first:>8.1f}{_cells(rendered)}{_cells(kept)}{_cells(file)}{ratio}", flush=True)
        one = measure(f"{site}{page.path}", seconds=seconds, connections=1)
        size = f"{len(body) / 1000:.0f} kB, {len(gzip.compress(body)) / 1000:.1f} kB gzip"
        print(f"  {size + '; one reader':32}{'':>8}{_cells(one)}", flush=True)


def _first(address: str) -> tuple[float, bytes]:
    """Milliseconds of the very first request, and the page."""
    start = time.perf_counter()
    connection = Connection(address)
    status, body = connection.get()
    connection.close()
    if status != 200:
        raise servers.MissingProgram(f"{address} answers {status}; the measurement would mean nothing")
    return 1000 * (time.perf_counter() - start), body


def _cells(timing: Timing) -> str:
    return f"{timing.p50_ms:>8.2f}{timing.p95_ms:>8.2f}{timing.per_second:>8.0f}"


if __name__ == "__main__":
    raise SystemExit(main())
