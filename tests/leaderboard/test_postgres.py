"""The writes on PostgreSQL: locks and constraints there are others than SQLite's."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUBSET = [
    "tests/leaderboard/lifecycle",
    "tests/leaderboard/api",
    "tests/leaderboard/test_intake.py",
    "tests/leaderboard/test_imports.py",
    "tests/leaderboard/test_printed.py",
    "tests/leaderboard/views/test_large_boards.py",
]


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("Debian's postgresql is not installed")
    return found[-1].parent


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A throw-away server on a socket of its own; `ALGOPERF_TEST_POSTGRES` names one that runs already."""
    if os.environ.get("ALGOPERF_TEST_POSTGRES"):
        yield os.environ["ALGOPERF_TEST_POSTGRES"]
        return
    binaries = _binaries()
    # The server refuses to run as root.
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
    with tempfile.TemporaryDirectory(prefix="algoperf-pg-") as folder:
        data = Path(folder) / "data"
        os.chown(folder, user, -1)

        def call(*command: str) -> None:
            subprocess.run(
                [str(binaries / command[0]), *command[1:]], user=user, cwd=folder, check=True, capture_output=True
            )

        ourselves = pwd.getpwuid(os.geteuid()).pw_name  # the role a client without a user name asks for
        call("initdb", "-D", str(data), "-U", ourselves, "--auth=trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-D", str(data), "-w", "-l", str(Path(folder) / "log"), "-o", options, "start")
        try:
            yield f"postgres:///{folder}/postgres"
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@pytest.mark.postgres
def test_the_subset_that_writes_passes_on_postgresql(server: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *SUBSET]
    if shutil.which("pg_isready") is None:
        pytest.skip("Debian's postgresql is not installed")

    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "DATABASE_URL": server}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
