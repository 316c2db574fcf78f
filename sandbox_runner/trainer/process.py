"""The trainer's life, message by message. Until `load` only trusted code runs here; after it nothing here is trusted.

hello  setup  setup_done  snapshot 0  load  loaded  init_done  step  snapshot 1  step ...
"""

from __future__ import annotations

import traceback
from typing import Any

from sandbox_runner import protocol
from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.trainer import bundle, paths
from sandbox_runner.trainer.errors import Stopped, TrainerError
from sandbox_runner.trainer.referee import SocketReferee
from sandbox_runner.trainer.report import describe_failure, send_failure
from sandbox_runner.trainer.snapshot import write_snapshot
from sandbox_runner.trainer.task import Task, build_task
from workloads import loop, snapshot
from workloads.submission import Submission, hyperparameters_tuple, load_submission
from workloads.view import WorkloadView


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
        send_failure(channel, describe_failure(error, paths.submission_folder(), trainer.stage))
        return 1
    return 0


class Trainer:
    """One trial. `stage` says what is going on, for the message of a failure."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.stage = "setup"

    def run(self) -> None:
        self.channel.send("hello", protocol=protocol.PROTOCOL_VERSION, framework="")
        setup, _ = self.receive("setup", wants_descriptor=False)
        hyperparameters = hyperparameters_tuple(setup["hyperparameters"])
        task = build_task(setup)
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
        self.train(task, hyperparameters, self.load(descriptor), referee)

    def load(self, descriptor: int) -> Submission:
        """Unpacks and imports the submission; its module level runs here."""
        self.stage = "import"
        bundle.unpack_descriptor(descriptor, paths.submission_folder())
        submission = load_submission(paths.submission_folder())
        self.channel.send("loaded")
        return submission

    def train(self, task: Task, hyperparameters: Any, submission: Submission, referee: SocketReferee) -> None:
        self.stage = "init_optimizer_state"
        trial = loop.Trial(
            submission=submission,
            workload=WorkloadView(task.workload),
            framework=task.framework,
            hyperparameters=hyperparameters,
            keys=task.keys,
            input_queue=task.input_queue,
        )
        state = loop.initial_state(trial, task.params, task.model_state)
        self.channel.send("init_done")
        self.stage = "training"
        loop.run(trial, state, referee)
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
