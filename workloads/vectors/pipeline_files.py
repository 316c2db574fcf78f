"""The files of `pipelines/` whose pipeline is part of a model: log-mel features of sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads.layers import log_mel
from workloads.spec import Framework
from workloads.vectors.quantity import Quantity, Reporter

_FEATURES = 2e-4  # the logarithm near its floor
_Record = Mapping[str, Any]


def _logmel(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    with np.load(folder / "pipelines" / "logmel.npz") as stored:
        arrays = dict(stored)
    yield report.compare("mel matrix", log_mel.mel_matrix(), arrays["mel_weights"], 2e-5)
    sound, paddings = (arrays[name].astype(np.float32) for name in ("waveform", "input_paddings"))
    for framework in Framework:
        own = dataclasses.replace(report, framework=framework)
        features, padded = _features(framework, sound, paddings)
        yield own.compare("features", features, arrays["features"], _FEATURES)
        yield own.equal("paddings", padded, arrays["paddings"])


def _features(framework: Framework, sound: np.ndarray, paddings: np.ndarray) -> tuple[np.ndarray, ...]:
    if framework == Framework.PYTORCH:
        import torch

        from workloads.layers.log_mel_torch import LogMel

        found = LogMel()(torch.from_numpy(sound), torch.from_numpy(paddings))
    else:
        from workloads.layers.log_mel_jax import log_mel_features

        found = log_mel_features(sound, paddings)
    return tuple(np.asarray(part) for part in found)


FILES: Mapping[str, Callable[[Path, _Record, Reporter], Iterator[Quantity]]] = {"logmel": _logmel}
