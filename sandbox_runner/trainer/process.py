"""The trainer's life, message by message. Until `load` only trusted code runs here; after it nothing here is trusted.

hello  setup  setup_done  snapshot 0  load  loaded  init_done  step  snapshot 1  step ...

With several PyTorch devices this process is rank 0, and the other ranks do the same beside it.
"""

from __future__ import annotations

import traceback
from typing import Any

from sandbox_runner import protocol
from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.trainer import bundle, paths
from sandbox_runner.trainer.errors import Stopped, TrainerError
from sandbox_runner.trainer.ranks import LeadingReferee, Ranks
from sandbox_runner.trainer.referee import SocketReferee
from sandbox_runner.trainer.report import describe_failure, send_failure
from sandbox_runner.trainer.snapshot import write_snapshot
from sandbox_runner.trainer.task import Task, build_task, num_ranks
from sandbox_runner.trainer.trial import Loaded, load, make_trial
from workloads import loop, snapshot
from workloads.submission import hyperparameters_tuple


def main() -> int:
    """Exit status 0 when the supervisor ended the trial, 1 when something failed."""
    channel = Channel.connect(paths.socket_path())
    trainer = Trainer(channel)
    try:
        trainer.run()
    except (Stopped, ChannelClosed):
        return 0
    except BaseException as error:  # also SystemExit: a submission that leaves has failed
        traceback.print_exc()
        own = describe_failure(error, paths.submission_folder(), trainer.stage)
        send_failure(channel, trainer.ranks.cause_of(error) or own)
        return 1
    finally:
        trainer.ranks.end()
    return 0


class Trainer:
    """One trial. `stage` says what is going on, for the message of a failure."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.stage = "setup"
        self.ranks = Ranks(1)

    def run(self) -> None:
        self.channel.send("hello", protocol=protocol.PROTOCOL_VERSION, framework="")
        setup, _ = self.receive("setup", wants_descriptor=False)
        hyperparameters = hyperparameters_tuple(setup["hyperparameters"])
        task = self.build(setup)
        self.channel.send(
            "setup_done", layout=protocol.layout_digest(task.layout), nbytes=protocol.snapshot_nbytes(task.layout)
        )
        request, descriptor = self.receive("snapshot_request", wants_descriptor=True)
        self.write(task, descriptor, task.params, task.model_state)
        self.channel.send("snapshot_ready", evaluation=request["evaluation"], step=0)
        _, descriptor = self.receive("load", wants_descriptor=True)
        referee = SocketReferee(
            self.channel,
            write=lambda fd, params, state: self.write(task, fd, params, state),
            reaches_target=task.workload.has_reached_validation_target,
        )
        self.train(task, hyperparameters, self.load(task, descriptor), referee)

    def build(self, setup: dict[str, Any]) -> Task:
        """The task of every rank; the others build theirs at the same time."""
        self.ranks = Ranks(num_ranks(setup["framework"]))
        self.ranks.start(setup)
        self.ranks.watch(lambda failure: send_failure(self.channel, failure))
        task = build_task(setup, self.ranks.own)
        self.ranks.hear("built")
        return task

    def load(self, task: Task, descriptor: int) -> Loaded:
        """Unpacks and imports the submission on every rank; its module level runs here."""
        self.stage = "import"
        bundle.unpack_descriptor(descriptor, paths.submission_folder())
        self.ranks.tell("load")
        loaded = load(task)
        self.ranks.hear("loaded")
        self.channel.send("loaded")
        return loaded

    def train(self, task: Task, hyperparameters: Any, loaded: Loaded, referee: SocketReferee) -> None:
        self.stage = "init_optimizer_state"
        trial = make_trial(task, loaded, hyperparameters)
        state = loop.initial_state(trial, task.params, task.model_state)
        self.ranks.hear("initialised")
        self.channel.send("init_done")
        self.stage = "training"
        loop.run(trial, state, LeadingReferee(referee, self.ranks) if self.ranks.followers else referee)
        referee.wait_for_end()

    def write(self, task: Task, descriptor: int, params: Any, model_state: Any) -> None:
        write_snapshot(descriptor, task.layout, snapshot.module(task.framework).arrays(params, model_state))

    def receive(self, expected: str, *, wants_descriptor: bool) -> tuple[dict[str, Any], int]:
        """The supervisor's next message, which has to be `expected`; -1 where it carries no descriptor."""
        message, descriptor = self.channel.receive()
        if message["kind"] == "stop":
            raise Stopped(str(message.get("reason", "")))
        if message["kind"] != expected or (descriptor is not None) != wants_descriptor:
            raise TrainerError(f"the supervisor sent {message['kind']}, expected {expected}")
        return message, -1 if descriptor is None else descriptor
