"""The batch-size probe: one question, one integer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox_runner import protocol
from sandbox_runner.host.snapshot import sealed_bytes
from sandbox_runner.trainer.batch_size import ask
from tests.sandbox_runner.processes import Peer, bundle, started
from tests.sandbox_runner.trainer.submissions import files
from workloads.errors import SubmissionError
from workloads.submission import Submission


def submission(get_batch_size: Callable[[str], Any]) -> Submission:
    return Submission(
        get_batch_size=get_batch_size,
        init_optimizer_state=print,
        data_selection=print,
        update_params=print,
        prepare_for_eval=None,
    )


def only_base(name: str) -> int:
    if name != "ogbg":
        raise ValueError(name)
    return 512


def test_the_base_is_asked_when_the_variant_is_unknown():
    assert ask(submission(only_base), "ogbg_gelu", "ogbg") == 512


def test_a_second_value_error_is_the_answer():
    with pytest.raises(ValueError, match="wmt"):
        ask(submission(only_base), "wmt_glu", "wmt")


def test_other_exceptions_are_not_asked_again():
    with pytest.raises(KeyError, match="ogbg_gelu"):
        ask(submission(lambda name: {"ogbg": 512}[name]), "ogbg_gelu", "ogbg")


@pytest.mark.parametrize("answer", [0, -3, True, 2.0, "8", None, 2**53])
def test_anything_but_a_positive_integer_is_refused(answer: Any):
    with pytest.raises(SubmissionError, match="get_batch_size returned"):
        ask(submission(lambda name: answer), "ogbg", "ogbg")


def test_zero_is_refused_on_the_wire_too():
    with pytest.raises(protocol.ProtocolViolation, match="not positive"):
        protocol.parse_trainer_message(protocol.encode("batch_size_is", value=0))


def load(peer: Peer, content: dict[str, str]) -> None:
    peer.receive("hello")
    with sealed_bytes(bundle(content)) as sealed:
        peer.send("load", fd=sealed.fd, sha256=sealed.sha256())
    peer.send("batch_size", workload="imagenet_resnet_silu", base="imagenet_resnet")


@pytest.mark.trains
def test_the_probe_answers_with_an_integer_and_goes(tmp_path: Path):
    with started("sandbox_runner.trainer.batch_size", tmp_path / "run") as peer:
        load(peer, files("pytorch"))
        peer.receive("loaded")
        assert peer.receive("batch_size_is")["value"] == 1024
        assert peer.exit_status() == 0


def test_the_probe_says_why_a_submission_has_no_answer(tmp_path: Path):
    source = "\n".join(
        f"def {name}(*a):\n    raise KeyError('unknown')"
        for name in ("get_batch_size", "init_optimizer_state", "data_selection", "update_params")
    )
    with started("sandbox_runner.trainer.batch_size", tmp_path / "run") as peer:
        load(peer, {"submission.py": source})
        peer.receive("loaded")
        failure = peer.receive("failed")
        assert failure["where"] == "get_batch_size"
        assert "KeyError: 'unknown'" in failure["error"]
        assert peer.exit_status() == 1


def test_the_probe_names_a_missing_function(tmp_path: Path):
    with started("sandbox_runner.trainer.batch_size", tmp_path / "run") as peer:
        load(peer, {"submission.py": "def get_batch_size(workload_name):\n    return 8\n"})
        assert "defines no function init_optimizer_state(workload, model_params" in peer.receive("failed")["error"]
