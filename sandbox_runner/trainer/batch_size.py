"""The probe that asks a submission for its batch size: `python3 -I -m sandbox_runner.trainer.batch_size`.

It is the one place where a submission hears the workload's name. No data, no model, no training; one integer comes out.
"""

from __future__ import annotations

import operator
import sys
import traceback

from sandbox_runner import protocol
from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.trainer import bundle, paths
from sandbox_runner.trainer.errors import TrainerError
from sandbox_runner.trainer.report import describe_failure, send_failure
from workloads.errors import SubmissionError
from workloads.submission import Submission, load_submission


def main() -> int:
    """Exit status 0 after an answer, 1 after `failed`."""
    channel = Channel.connect(paths.socket_path())
    try:
        _answer(channel)
    except ChannelClosed:
        return 0
    except BaseException as error:  # also SystemExit
        traceback.print_exc()
        send_failure(channel, describe_failure(error, paths.submission_folder(), "get_batch_size"))
        return 1
    return 0


def _answer(channel: Channel) -> None:
    channel.send("hello", protocol=protocol.PROTOCOL_VERSION, framework="")
    message, descriptor = channel.receive()
    if message["kind"] != "load" or descriptor is None:
        raise TrainerError(f"the supervisor sent {message['kind']}, expected load")
    bundle.unpack_descriptor(descriptor, paths.submission_folder())
    submission = load_submission(paths.submission_folder())
    channel.send("loaded")
    message, _ = channel.receive()
    if message["kind"] != "batch_size":
        raise TrainerError(f"the supervisor sent {message['kind']}, expected batch_size")
    channel.send("batch_size_is", value=ask(submission, message["workload"], message.get("base")))


def ask(submission: Submission, workload: str, base: str | None) -> int:
    """The submission's global batch size for a workload; a ValueError is a reason to ask for its base instead.

    Raises:
        SubmissionError: the answer is not a positive integer. Exceptions of the submission pass through.
    """
    try:
        answer = submission.get_batch_size(workload)
    except ValueError:
        if base is None or base == workload:
            raise
        answer = submission.get_batch_size(base)
    try:
        value = operator.index(answer)
    except TypeError:
        raise SubmissionError(f"get_batch_size returned {type(answer).__name__}; it has to return an integer") from None
    if isinstance(answer, bool) or not 1 <= value < 2**53:
        raise SubmissionError(f"get_batch_size returned {answer!r}; it has to return a positive integer")
    return value


if __name__ == "__main__":
    sys.exit(main())
