"""The pages with the real logs of the 2024 competition behind them: no host, no engine, a database of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 120
IMPORT_S = 900
_ADDRESS = re.compile(r"Listening at: (http://\S+)")


class ImportedSite:
    """Migrates, imports the external board of v0.5, and answers under `address` until it is stopped."""

    def __init__(self, logs: Path) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="algoperf-imported-"))
        self.environment = {
            **os.environ,
            "ALGOPERF_STATE": str(self.state),
            "DJANGO_SETTINGS_MODULE": "webapp.settings.dev",
            "OMP_NUM_THREADS": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._run("migrate", "--verbosity=0")
            self._run(
                "import_results", str(logs), "--edition=v0.5", "--ruleset=external",
                f"--submissions={logs / 'submissions.csv'}",
            )  # fmt: skip
            self.address = self._start()
        except BaseException:
            self.stop()
            raise

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=IMPORT_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]

    def _start(self) -> str:
        output = self.state / "output.txt"
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "webapp.wsgi", "--bind=127.0.0.1:0", "--threads=4"],
                cwd=ROOT, env=self.environment, stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while (found := _ADDRESS.search(output.read_text())) is None:
            assert self.process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        return found[1]

    def stop(self) -> None:
        """Ends it and removes its state."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.state, ignore_errors=True)
