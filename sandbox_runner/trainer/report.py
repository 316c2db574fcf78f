"""Turns an exception that left a submission into the few lines its author needs."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

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


def _first_frame_in(frames: TracebackType | None, folder: Path) -> TracebackType | None:
    while frames is not None and not Path(frames.tb_frame.f_code.co_filename).is_relative_to(folder):
        frames = frames.tb_next
    return frames


def _plain(text: str) -> str:
    """ASCII without control characters: as JSON it then stays far below the limit of a message."""
    ascii_text = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c in "\n\t" or c.isprintable() else "?" for c in ascii_text)
