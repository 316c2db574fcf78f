"""Ctrl-C as a wish to end in order."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Self


class Signals:
    """Counts SIGINT and SIGTERM instead of dying of them, inside `with`; the second one asks to hurry."""

    def __init__(self) -> None:
        self.count = 0
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> Self:
        for number in self._before:
            signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 2:
            sys.exit(1)
