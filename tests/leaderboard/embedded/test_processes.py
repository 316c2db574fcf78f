"""Child processes that end when they are told to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from leaderboard.embedded.processes import Child


def child(tmp_path: Path, program: str, stop_s: float = 5.0) -> Child:
    return Child(
        name="a child",
        command=[sys.executable, "-c", program],
        log=tmp_path / "log" / "child.log",
        environment=dict(os.environ),
        stop_s=stop_s,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_asked_to_stop_and_may_tidy_up(tmp_path: Path) -> None:
    ready, tidy = tmp_path / "ready", tmp_path / "tidy"
    program = (
        "import signal, sys, pathlib, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(tidy)!r}).touch(), sys.exit(0)))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(60)\n"
    )
    process = child(tmp_path, program)
    process.start()
    wait_for(ready)

    process.stop()

    assert tidy.exists()
    assert process.has_ended


def test_one_that_does_not_listen_is_killed_with_all_it_started(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = (
        "import signal, subprocess, pathlib, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "below = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(ready)!r}).write_text(str(below.pid))\n"
        "time.sleep(60)\n"
    )
    process = child(tmp_path, program, stop_s=0.2)
    process.start()
    wait_for(ready)
    while not ready.read_text():
        time.sleep(0.01)

    process.stop()

    state = Path(f"/proc/{ready.read_text()}/stat")
    deadline = time.monotonic() + 10
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.process is not None
    assert process.process.returncode == -signal.SIGKILL


def test_the_end_of_its_log_can_be_shown(tmp_path: Path) -> None:
    process = child(tmp_path, "print('first'); print('last')")
    assert process.last_lines() == ""
    process.start()
    assert process.process is not None
    process.process.wait()

    assert process.last_lines(1) == "last"
    process.stop()


def test_descendants_that_lost_their_parent_are_found_and_ended(tmp_path: Path) -> None:
    """In a process of its own, since it makes that process the parent of every orphan below it."""
    program = """
import subprocess, sys
from leaderboard.embedded.processes import become_subreaper, end_descendants
become_subreaper()
leave = (
    "import subprocess as s;"
    "print(s.Popen(['sleep', '60'], start_new_session=True, stdout=s.DEVNULL).pid)"
)
orphan = int(subprocess.run([sys.executable, "-c", leave], stdout=subprocess.PIPE, check=True).stdout)
print(orphan, end_descendants(2.0), end_descendants(2.0))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    orphan, first, second = map(int, done.stdout.split())
    assert (first, second) == (1, 0)
    assert not Path(f"/proc/{orphan}").exists()
