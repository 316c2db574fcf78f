"""Every rank but the first: `python3 -m sandbox_runner.trainer.follower`, started by rank 0 inside the container."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.trainer import paths, ranks
from sandbox_runner.trainer.report import describe_failure, send_failure
from sandbox_runner.trainer.task import Rank, build_task
from sandbox_runner.trainer.trial import load, make_trial
from workloads import loop
from workloads.submission import hyperparameters_tuple

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Exit status 0 when rank 0 has gone, 1 when something failed here."""
    _end_with_rank_0()
    link, alarm = (_inherited(name) for name in (ranks.LINK, ranks.ALARM))
    rank = Rank(
        rank=int(os.environ[ranks.RANK]), ranks=int(os.environ[ranks.RANKS]), meeting=Path(os.environ[ranks.MEETING])
    )
    follower = Follower(link, rank)
    try:
        follower.run()
    except ChannelClosed:
        return 0
    except BaseException as error:  # also SystemExit: a submission that leaves has failed
        traceback.print_exc()
        send_failure(alarm, describe_failure(error, paths.submission_folder(), follower.stage))
        return 1
    return 0


class Follower:
    """The same life as the trainer's, led by rank 0. `stage` says what is going on, for the message of a failure."""

    def __init__(self, link: Channel, rank: Rank) -> None:
        self.link = link
        self.rank = rank
        self.stage = "setup"

    def run(self) -> None:
        setup = ranks.expect(self.link, "setup")["setup"]
        task = build_task(setup, self.rank)
        self.link.send("built")
        ranks.expect(self.link, "load")
        self.stage = "import"
        loaded = load(task)
        self.link.send("loaded")
        self.stage = "init_optimizer_state"
        trial = make_trial(task, loaded, hyperparameters_tuple(setup["hyperparameters"]))
        state = loop.initial_state(trial, task.params, task.model_state)
        self.link.send("initialised")
        self.stage = "training"
        loop.run(trial, state, ranks.FollowingReferee(self.link))
        self.link.receive()  # nothing comes any more: rank 0 ends first


def _end_with_rank_0() -> None:
    """Asks the kernel to kill this process with its parent, also when it hangs in a collective."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _inherited(name: str) -> Channel:
    return Channel(socket.socket(fileno=int(os.environ.pop(name))))


if __name__ == "__main__":
    sys.exit(main())
