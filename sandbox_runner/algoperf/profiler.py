"""Named stretches of time, measured for the author of a submission; scored times come from elsewhere."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Profiler:
    """Adds up how long each named action took."""

    def __init__(self, local_rank: int | None = None) -> None:
        self._local_rank = local_rank
        self._started: dict[str, float] = {}
        self.recorded_durations: dict[str, list[float]] = defaultdict(list)

    def set_local_rank(self, local_rank: int) -> None:
        self._local_rank = local_rank

    @property
    def local_rank(self) -> int:
        return self._local_rank or 0

    def start(self, action_name: str) -> None:
        """Starts an action; ValueError when it runs already."""
        if action_name in self._started:
            raise ValueError(f"{action_name!r} has been started and not stopped")
        self._started[action_name] = time.monotonic()

    def stop(self, action_name: str) -> None:
        """Stops an action; ValueError when it does not run."""
        if action_name not in self._started:
            raise ValueError(f"{action_name!r} has not been started")
        self.recorded_durations[action_name].append(time.monotonic() - self._started.pop(action_name))

    @contextmanager
    def profile(self, action_name: str) -> Iterator[str]:
        """An action around a `with` block."""
        self.start(action_name)
        try:
            yield action_name
        finally:
            self.stop(action_name)

    def summary(self) -> str:
        """One line per action: calls, mean and total seconds."""
        return "\n".join(
            f"{name}: {len(values)} calls, {sum(values) / len(values):.6f} s each, {sum(values):.3f} s in all"
            for name, values in self.recorded_durations.items()
        )


class PassThroughProfiler(Profiler):
    """Measures nothing."""

    def start(self, action_name: str) -> None:
        pass

    def stop(self, action_name: str) -> None:
        pass
