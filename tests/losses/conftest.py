"""A site with short leases, and a look into its rows from outside."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.site import Site

STEADY = Path(__file__).parent / "steady"
SHORT_LEASES = {"LEASE_S": "6", "LEASE_GRACE_S": "2", "HEARTBEAT_S": "1.5"}
WAIT_S = 150.0


@dataclass(kw_only=True)
class Losses:
    """One running site, and ways to wait for its rows and to kill its processes."""

    site: Site

    def submit(self, team: str) -> None:
        self.site.shell(
            "submit", str(STEADY), f"--team={team}", "--ruleset=self_tuning", "--edition=mini",
            "--workloads=ogbg", "--framework=pytorch", "--studies=1",
        )  # fmt: skip

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        database = self.site.state / "site" / "site.sqlite3"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query, values).fetchall()

    def attempts(self, team: str) -> list[dict[str, Any]]:
        columns = ("id", "number", "status", "ending", "spec", "step")
        rows = self.rows(
            f"SELECT {', '.join(f'a.{column}' for column in columns)} FROM leaderboard_attempt a "
            "JOIN leaderboard_trial t ON a.trial_id = t.id JOIN leaderboard_study s ON t.study_id = s.id "
            "JOIN leaderboard_submission u ON s.submission_id = u.id JOIN leaderboard_team m ON u.team_id = m.id "
            "WHERE m.slug = ? ORDER BY a.number",
            team,
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def trial(self, team: str) -> tuple[str, str, int]:
        """Status, ending and failures of the team's one trial."""
        ((status, ending, failures),) = self.rows(
            "SELECT t.status, t.ending, t.failures FROM leaderboard_trial t "
            "JOIN leaderboard_study s ON t.study_id = s.id JOIN leaderboard_submission u ON s.submission_id = u.id "
            "JOIN leaderboard_team m ON u.team_id = m.id WHERE m.slug = ?",
            team,
        )
        return status, ending, failures

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + WAIT_S
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen\n{self.site.logs()}"
            time.sleep(0.2)
        return found

    def wait_until_training(self, team: str) -> dict[str, Any]:
        """The team's attempt, once its submission has made steps."""
        return self.wait(
            lambda: next((each for each in self.attempts(team) if each["status"] == "running" and each["step"]), None),
            "training",
        )

    def wait_until_done(self, team: str) -> None:
        self.wait(lambda: self.trial(team)[0] == "finished", "the end of the trial")

    def processes(self, *words: str) -> list[int]:
        """Processes of this site whose command line holds all words."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"ALGOPERF_STATE={self.site.state}".encode() in environment and all(word in command for word in words):
                found.append(int(entry.name))
        return found

    def kill(self, *words: str) -> None:
        pids = self.processes(*words)
        assert pids, f"no process {' '.join(words)}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def losses(engine: str, sandbox_images: dict[str, str], mini_data: Path) -> Iterator[Losses]:
    site = Site({"ALGOPERF_DOCKER_HOST": engine, "ALGOPERF_DATA": str(mini_data), **SHORT_LEASES})
    try:
        yield Losses(site=site)
    finally:
        site.stop()
