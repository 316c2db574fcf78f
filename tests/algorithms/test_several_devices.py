"""The reference algorithms on several devices take the steps that they take on one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.algorithms.linear import ALGORITHMS
from tests.sandbox_runner.processes import bundle
from tests.sandbox_runner.trainer.test_ranks import BATCH_SIZE, trainer

pytestmark = [pytest.mark.trains, pytest.mark.full]

NAMES = sorted(path.name for path in ALGORITHMS.iterdir() if path.is_dir())
STEPS = 4
# The upload, made to say that it is done.
ENDING = f"""

_take_step = update_params


def update_params(*, global_step, **arguments):
    if global_step == {STEPS}:
        raise spec.TrainingCompleteError
    return _take_step(global_step=global_step, **arguments)
"""


def trained(folder: Path, name: str, ranks: int) -> np.ndarray:
    """All parameters after the last step, as one vector."""
    source = (ALGORITHMS / name / "pytorch" / "submission.py").read_text() + ENDING
    with trainer(folder, "ogbg", ranks) as found:
        found.set_up(batch_size=BATCH_SIZE)
        found.initial_snapshot().close()
        found.load(bundle({"submission.py": source}))
        for kind in ("loaded", "init_done"):
            found.peer.receive(kind)
        snapshot, step = found.snapshot(1)
        snapshot.close()
        found.answer(1, step, {})
        found.peer.receive("training_complete")
        found.request(2)
        snapshot, _ = found.snapshot(2)
        with snapshot:
            content = np.frombuffer(os.pread(snapshot.fd, found.nbytes, 0), np.float32)
        found.answer(2, STEPS + 1, {})
        found.peer.send("stop", reason="complete")
        assert found.peer.exit_status() == 0
    return content


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_like_one(tmp_path: Path, name: str):
    """Graphs have unequal counts of labels in the halves of a batch: only a mean over both halves is the mean."""
    alone = trained(tmp_path / "one", name, 1)

    together = trained(tmp_path / "two", name, 2)

    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=2e-4)
