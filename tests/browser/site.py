"""A whole site for a browser: `manage.py serve` with a state folder of its own, and what its terminal would show."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 90
STOP_S = 90
_ADDRESS = re.compile(r"The site is at (http://\S+)")


class Site:
    """One running site. Its folder lies where the site's ordinary user may go, and is removed at the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="algoperf-browser-"))
        self.state.chmod(0o755)
        self.environment = {
            **os.environ,
            **environment,
            "ALGOPERF_STATE": str(self.state),
            "DJANGO_SETTINGS_MODULE": "webapp.settings.dev",
        }
        self.output = self.state / "output.txt"
        self.start()

    def start(self) -> None:
        """Runs `manage.py serve` until it answers; again after an end, on the same state."""
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port=0"],
                cwd=ROOT,
                env=self.environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self.address = self._address()

    def _address(self) -> str:
        deadline = time.monotonic() + START_S
        while (found := _ADDRESS.search(self.output.read_text())) is None:
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.2)
        return found[1]

    def shell(self, *command: str) -> str:
        """Runs a management command beside the site."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mail(self, to: str, word: str, *, within_s: float = 60) -> str:
        """The newest kept message to somebody that holds a word."""
        deadline = time.monotonic() + within_s
        while True:
            for path in sorted((self.state / "site" / "mail").glob("*.eml"), reverse=True):
                text = path.read_text()
                if text.startswith(f"To: {to}\n") and word in text:
                    return text
            assert time.monotonic() < deadline, f"no message to {to} holds {word!r}"
            time.sleep(0.3)

    def logs(self) -> str:
        """The ends of all logs, for a failure's report."""
        paths = [self.output, *sorted((self.state / "site" / "log").glob("*.log"))]
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in paths if path.exists())

    def end(self) -> None:
        """Ctrl-C, as a person would; everything it started ends with it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self) -> None:
        """Ends it and removes its state."""
        self.end()
        shutil.rmtree(self.state, ignore_errors=True)
