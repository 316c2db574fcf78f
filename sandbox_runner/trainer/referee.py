"""The referee inside the sandbox: a socket. The clock and the judge are on its other end."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Any

from sandbox_runner.channel import Channel
from sandbox_runner.trainer.errors import Stopped, TrainerError
from workloads.loop import Measured

BEAT_PERIOD_S = 1.0


class SocketReferee:
    """Answers the supervisor's requests at step boundaries. Survives being frozen for minutes inside any call."""

    def __init__(
        self,
        channel: Channel,
        write: Callable[[int, Any, Any], None],
        reaches_target: Callable[[dict[str, Any]], bool],
    ) -> None:
        self._channel = channel
        self._write = write  # (descriptor, params, model_state) -> None, closes the descriptor
        self._reaches_target = reaches_target
        self._request: tuple[int, int] | None = None  # evaluation, descriptor
        self._charged_s = 0.0
        self._charged_at = time.monotonic()
        self._beat_at = 0.0

    def is_due(self, step: int) -> bool:
        """True when a snapshot has been asked for. Stopped when the trial is over."""
        now = time.monotonic()
        if now - self._beat_at >= BEAT_PERIOD_S:
            self._beat_at = now
            self._channel.send("beat", step=step)
        while self._request is None and self._readable():
            self._receive_request()
        return self._request is not None

    def training_complete(self, step: int) -> None:
        """Says so and waits for the last request."""
        self._channel.send("training_complete", step=step)
        while self._request is None:
            self._receive_request()

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        """Writes the snapshot and waits, frozen most of the time, for what the judge found."""
        if self._request is None:
            raise TrainerError("no snapshot was asked for")
        (evaluation, descriptor), self._request = self._request, None
        self._write(descriptor, params, model_state)
        self._channel.send("snapshot_ready", evaluation=evaluation, step=step)
        answer = self._receive("eval_result")
        self._charged_s, self._charged_at = answer["charged_s"], time.monotonic()
        return Measured(
            metrics=answer["metrics"],
            charged_s=answer["charged_s"],
            stop=False,  # the supervisor ends a trial by ending the process
            validation_goal_reached=self._reaches_target(answer["metrics"]),
        )

    def elapsed_s(self) -> float:
        """The supervisor's last reading plus our own time since; the supervisor's clock is the one that counts."""
        return self._charged_s + time.monotonic() - self._charged_at

    def wait_for_end(self) -> None:
        """After the last evaluation there is nothing left to do but to be stopped."""
        while True:
            self._receive_request()

    def _readable(self) -> bool:
        return bool(select.select([self._channel.socket], [], [], 0)[0])

    def _receive_request(self) -> None:
        message = self._receive("snapshot_request")
        self._request = (message["evaluation"], message["fd"])

    def _receive(self, expected: str) -> dict[str, Any]:
        """The next message, its descriptor as field `fd`; Stopped at the end, TrainerError for another message."""
        message, descriptor = self._channel.receive()
        if message["kind"] == expected and (descriptor is None) == (expected != "snapshot_request"):
            return {**message, "fd": descriptor}
        if descriptor is not None:
            os.close(descriptor)
        if message["kind"] == "stop":
            raise Stopped(str(message.get("reason", "")))
        raise TrainerError(f"the supervisor sent {message['kind']}, expected {expected}")
