"""Turns an exception that left a submission into the few lines its author needs, and gets them across."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sandbox_runner.channel import Channel, ChannelClosed

LINGER_S = 5.0
ERROR_CHARACTERS = 4000


def describe_failure(error: BaseException, folder: Path, stage: str) -> dict[str, Any]:
    """The fields of a `failed` message.

    `where` is the submission's function that was called, or `stage` when none of its frames is on the stack. `error`
    is the end of the traceback, starting at the submission's first frame: the frames above it are ours and say nothing.
    """
    frame = _first_frame_in(error.__traceback__, folder)
    where = stage if frame is None or frame.tb_frame.f_code.co_name == "<module>" else frame.tb_frame.f_code.co_name
    lines = traceback.format_exception(type(error), error, frame if frame is not None else error.__traceback__)
    return {"where": _plain(where)[:64], "error": _plain("".join(lines))[-ERROR_CHARACTERS:]}


def send_failure(channel: Channel, failure: Mapping[str, Any]) -> None:
    """Sends `failed` and stays until the supervisor has gone, at most a few seconds.

    Leaving at once would lose the message: a request that is still unread when the socket closes resets the connection.
    """
    try:
        channel.send("failed", **failure)
        channel.socket.settimeout(LINGER_S)
        while True:
            _, descriptor = channel.receive()
            if descriptor is not None:
                os.close(descriptor)
    except (ChannelClosed, TimeoutError):
        return


def _first_frame_in(frames: TracebackType | None, folder: Path) -> TracebackType | None:
    while frames is not None and not Path(frames.tb_frame.f_code.co_filename).is_relative_to(folder):
        frames = frames.tb_next
    return frames


def _plain(text: str) -> str:
    """ASCII without control characters: as JSON it then stays far below the limit of a message."""
    ascii_text = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c in "\n\t" or c.isprintable() else "?" for c in ascii_text)
