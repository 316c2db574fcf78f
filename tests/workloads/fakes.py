"""Stand-ins for what a referee at home measures with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


class FakeSnapshots:
    """Parameters are a list of numbers."""

    @staticmethod
    def arrays(params: Any, model_state: Any) -> list[np.ndarray]:
        return [np.asarray(params, np.float32)]


class FakeWorkload:
    framework = "pytorch"


class FakeSplit:
    """Its batches are the split's name."""

    def __init__(self, spec: Any, directory: Path) -> None:
        self.directory = directory

    def batches(self) -> str:
        return self.directory.name
