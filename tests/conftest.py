"""Fixtures that every part of the suite may use. Anything special to one package lives in its own conftest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's reference facts (real logs, golden numbers); tests that want them skip where they are not."""
    folder = Path(os.environ.get("ALGOPERF_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference facts at {folder}; name their folder in ALGOPERF_SHARED")
    return folder


@pytest.fixture(scope="session")
def mini_data() -> Path:
    """The built data of the mini edition, one folder per dataset."""
    from workloads import editions

    folder = Path(editions.data_directory("mini"))
    if not folder.is_dir():
        pytest.fail(f"no mini data in {folder}: run `make setup`")
    return folder


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of a Docker engine that answers; one that we started is stopped at the end of the session."""
    from sandbox_runner.host import engine as host_engine

    with host_engine.running() as base_url:
        yield base_url


@pytest.fixture(scope="session")
def sandbox_images(engine: str) -> dict[str, str]:
    """Image id by role, for the current tree; `make setup` has built them, a change since then costs seconds."""
    from sandbox_runner.host import images

    return dict(images.build(engine))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many golden numbers the tests compared: what they recorded under names that begin with "golden: "."""
    counts: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        counts.update({str(name): value for name, value in report.user_properties if str(name).startswith("golden: ")})
    for name, number in sorted(counts.items()):
        terminalreporter.write_line(f"{number:,} {name.removeprefix('golden: ')} compared: all agree")
