"""Several processes for one PyTorch trial, one per device, all in the one trainer container.

Rank 0 is the trainer itself and the only one that speaks with the supervisor. It starts the others and leads them over
socket pairs: what to build, what to load, and after every step whether an evaluation is due. So all take the same
branch, and while an evaluation is taken they wait in the kernel, not in a collective that would keep a GPU busy.
A process that fails says so on a second socket, because the others may be waiting for it in a collective by then.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.trainer.errors import RankFailed, TrainerError
from sandbox_runner.trainer.referee import SocketReferee
from sandbox_runner.trainer.task import Rank
from workloads.errors import SubmissionError
from workloads.loop import Measured

MODULE = "sandbox_runner.trainer.follower"
LINK, ALARM, RANK, RANKS, MEETING = (f"ALGOPERF_{name}" for name in ("LINK", "ALARM", "RANK", "RANKS", "MEETING"))
# A failure of another rank makes this one fail too, and the other's words are the better ones.
FAILURE_GRACE_S = 3.0
_BROKEN_GROUP = ("gloo", "nccl", "connection closed", "connection reset")


@dataclass(frozen=True, kw_only=True)
class Follower:
    """One of the other processes, as rank 0 holds it."""

    rank: int
    process: subprocess.Popen[bytes]
    link: Channel
    alarm: Channel


class Ranks:
    """Rank 0's side of a trial. With one rank there are no followers, and everything here does nothing."""

    def __init__(self, ranks: int) -> None:
        self.own = Rank(ranks=ranks)
        self.followers: list[Follower] = []
        self._failures: list[dict[str, Any]] = []
        self._failed = threading.Event()

    def start(self, setup: Mapping[str, Any]) -> None:
        """Starts the followers, which build the same task beside us."""
        if self.own.ranks == 1:
            return
        folder = Path(tempfile.mkdtemp(prefix="ranks-"))
        self.own = Rank(ranks=self.own.ranks, meeting=folder / "meeting")
        self.followers = [_start(dataclasses.replace(self.own, rank=rank)) for rank in range(1, self.own.ranks)]
        self.tell("setup", setup=dict(setup))

    def watch(self, report: Any) -> None:
        """From now on a follower's failure ends this process: `report(failure)` says so, then it exits.

        Only where the failure does not reach the main thread in time, as it may be waiting in a collective.
        """
        for follower in self.followers:
            threading.Thread(target=self._listen, args=(follower, report), daemon=True).start()

    def tell(self, kind: str, **fields: Any) -> None:
        """One message to every follower."""
        for follower in self.followers:
            follower.link.send(kind, **fields)

    def hear(self, kind: str) -> list[dict[str, Any]]:
        """One message from every follower, all of this kind."""
        return [self._receive(follower, kind) for follower in self.followers]

    def cause_of(self, error: BaseException) -> dict[str, Any] | None:
        """What a follower failed with, where an error of ours looks like the consequence; waits for it a moment."""
        words = str(error).lower()
        if not self.followers or not (isinstance(error, RankFailed) or any(sign in words for sign in _BROKEN_GROUP)):
            return None
        self._failed.wait(FAILURE_GRACE_S)
        return self._failures[0] if self._failures else None

    def end(self) -> None:
        """Ends all followers at once."""
        for follower in self.followers:
            follower.process.kill()
            follower.process.wait()

    def _receive(self, follower: Follower, kind: str) -> dict[str, Any]:
        try:
            message, _ = follower.link.receive()
        except ChannelClosed:
            raise RankFailed(f"rank {follower.rank} has ended") from None
        if message["kind"] != kind:
            raise SubmissionError(
                f"rank {follower.rank} is at {message['kind']}, rank 0 at {kind}: all have to call the same things"
            )
        return message

    def _listen(self, follower: Follower, report: Any) -> None:
        try:
            message, _ = follower.alarm.receive()
            failure = {"where": message["where"], "error": f"rank {follower.rank}: {message['error']}"}
            follower.alarm.close()  # it has been heard and may go, which ends the collectives that wait for it
        except (ChannelClosed, OSError):
            status = follower.process.wait()
            failure = {"where": "training", "error": f"rank {follower.rank} has ended {_how(status)}"}
        self._failures.append(failure)
        self._failed.set()
        threading.Event().wait(2 * FAILURE_GRACE_S)  # the main thread usually leaves first, and this thread with it
        report(self._failures[0])
        os._exit(1)


class LeadingReferee:
    """The supervisor's referee for all ranks: rank 0 asks it and passes every answer on."""

    def __init__(self, referee: SocketReferee, ranks: Ranks) -> None:
        self._referee = referee
        self._ranks = ranks
        self._elapsed_s = 0.0

    def is_due(self, step: int) -> bool:
        self._gather(complete=False)
        return self._decide(self._referee.is_due(step))

    def training_complete(self, step: int) -> None:
        self._gather(complete=True)
        self._referee.training_complete(step)
        self._decide(True)

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        """Waits until every rank has nothing left to compute, then measures for all."""
        self._ranks.hear("ready")
        measured = self._referee.measure(step, params, model_state)
        self._ranks.tell("measured", **measured_fields(measured))
        return measured

    def elapsed_s(self) -> float:
        """The reading at the last step's end, so that all ranks see the same number."""
        return self._elapsed_s

    def wait_for_end(self) -> None:
        self._referee.wait_for_end()

    def _gather(self, *, complete: bool) -> None:
        if any(message["complete"] != complete for message in self._ranks.hear("stepped")):
            raise SubmissionError("some ranks raised TrainingCompleteError and some did not: all have to, in one step")

    def _decide(self, due: bool) -> bool:
        self._elapsed_s = self._referee.elapsed_s()
        self._ranks.tell("decided", due=due, elapsed_s=self._elapsed_s)
        return due


class FollowingReferee:
    """The referee of every other rank: it does what rank 0 says."""

    def __init__(self, link: Channel) -> None:
        self._link = link
        self._elapsed_s = 0.0

    def is_due(self, step: int) -> bool:
        return self._step(complete=False)

    def training_complete(self, step: int) -> None:
        self._step(complete=True)

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        self._link.send("ready")
        return Measured(**expect(self._link, "measured"))

    def elapsed_s(self) -> float:
        return self._elapsed_s

    def _step(self, *, complete: bool) -> bool:
        self._link.send("stepped", complete=complete)
        decided = expect(self._link, "decided")
        self._elapsed_s = decided["elapsed_s"]
        due: bool = decided["due"]
        return due


def measured_fields(measured: Measured) -> dict[str, Any]:
    return {**vars(measured), "metrics": dict(measured.metrics)}


def expect(link: Channel, kind: str) -> dict[str, Any]:
    """The fields of rank 0's next message, which has to be of this kind."""
    message, _ = link.receive()
    if message.pop("kind") != kind:
        raise TrainerError(f"rank 0 sent something else, expected {kind}")
    return message


def _start(rank: Rank) -> Follower:
    """A process like this one, at the other end of two socket pairs."""
    link, their_link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    alarm, their_alarm = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    passed = (their_link.fileno(), their_alarm.fileno())
    names = {LINK: passed[0], ALARM: passed[1], RANK: rank.rank, RANKS: rank.ranks, MEETING: rank.meeting}
    with their_link, their_alarm:
        process = subprocess.Popen(
            [sys.executable, *_flags(), "-m", MODULE],
            env={**os.environ, **{name: str(value) for name, value in names.items()}},
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
        )
    return Follower(rank=rank.rank, process=process, link=Channel(link), alarm=Channel(alarm))


def _flags() -> Sequence[str]:
    return ("-I",) if sys.flags.isolated else ()


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
