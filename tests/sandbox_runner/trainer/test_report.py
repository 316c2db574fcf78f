"""What a submitter is told about an exception: their function, their frames, in plain characters."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox_runner import protocol
from sandbox_runner.trainer.report import ERROR_CHARACTERS, describe_failure


def failure_of(source: str, call: str, folder: Path) -> dict[str, str]:
    namespace: dict[str, object] = {}
    exec(compile(source, str(folder / "submission.py"), "exec"), namespace)
    try:
        namespace[call]()  # type: ignore[operator]
    except BaseException as error:
        return describe_failure(error, folder, "training")
    raise AssertionError("nothing was raised")


def test_the_called_function_is_named_and_our_frames_are_left_out(tmp_path: Path):
    source = "def helper():\n    raise KeyError('x')\n\ndef update_params():\n    helper()\n"
    failure = failure_of(source, "update_params", tmp_path)
    assert failure["where"] == "update_params"
    assert "KeyError: 'x'" in failure["error"]
    assert "in helper" in failure["error"]
    assert "test_report" not in failure["error"]


def test_an_exception_outside_the_submission_names_the_stage(tmp_path: Path):
    failure = describe_failure(ValueError("bad"), tmp_path, "setup")
    assert failure == {"where": "setup", "error": "ValueError: bad\n"}


def test_a_flood_of_odd_characters_still_fits_into_one_message(tmp_path: Path):
    source = "def update_params():\n    raise ValueError('\\x00\\x1b\U0001f600\"\\\\' * 100000)\n"
    failure = failure_of(source, "update_params", tmp_path)
    assert len(failure["error"]) == ERROR_CHARACTERS
    packet = protocol.encode("failed", **failure)
    assert protocol.parse_trainer_message(packet)["where"] == "update_params"


def test_the_module_level_is_called_by_its_stage(tmp_path: Path):
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile("1 / 0\n", str(tmp_path / "submission.py"), "exec"), {})
    assert describe_failure(caught.value, tmp_path, "import")["where"] == "import"
