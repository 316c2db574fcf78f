"""Measuring a model on one split. Only judges use it: a trainer container carries neither this nor the data.

A metric is made from what `model_fn` returns, or, where it needs the model itself (translations), from what the judge's
own `workloads/<base>/decode_{torch,jax}.py` returns: its `make_decoder(workload)` gives a function of parameters, model
state and a batch on the device. Outputs that are not finite have no order, so a metric made of them would follow the
order of the data instead.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry
from workloads.api import ForwardPassMode
from workloads.errors import EvaluationError
from workloads.metrics import Outputs, accumulator
from workloads.spec import Framework, Workload

CACHE_BYTES = 512 * 1024**2  # of prepared batches, per split; a larger split is read again each time
_Batch = Mapping[str, Any]
_Forward = Callable[[Any, Any, _Batch], Outputs]


class SplitData:
    """The prepared batches of one split, kept in memory where they fit."""

    def __init__(self, spec: Workload, directory: Path) -> None:
        self._spec = spec
        self._directory = directory
        self._dataset = importlib.import_module(f"workloads.datasets.{spec.dataset}")
        self._cache: list[_Batch] | None = None

    def batches(self) -> Iterator[_Batch]:
        """Every example once; the first full pass decides whether the next ones come from memory."""
        if self._cache is not None:
            yield from self._cache
            return
        kept: list[_Batch] = []
        nbytes = 0
        for batch in self._dataset.eval_batches(self._directory, self._spec, self._spec.eval_batch_size):
            nbytes += _nbytes(batch)
            if nbytes <= CACHE_BYTES:
                kept.append(batch)
            yield batch
        if nbytes <= CACHE_BYTES:
            self._cache = kept


def evaluate(
    workload: Any,
    params: Any,
    model_state: Any,
    batches: Iterable[_Batch],
    num_examples: int,
    data: Path | None = None,
) -> dict[str, float]:
    """The metrics of a model on one split, every example counted exactly once; NaN when an output is not finite.

    Args:
        workload: a `TorchWorkload` or `JaxWorkload`.
        batches: `eval_batches` of the workload's dataset, NumPy arrays with `weights`.
        num_examples: what the split must hold.
        data: the dataset's folder, for metrics that need its vocabulary.
    Raises:
        EvaluationError: the batches held another number of examples.
        DataMissing: the vocabulary is not there.
    """
    forward = _forward(workload)
    collected = accumulator(workload.metric, data)
    is_finite = True
    for batch in batches:
        outputs = forward(params, model_state, workload.to_device(batch))
        is_finite = is_finite and _all_finite(outputs, batch["weights"])
        # What stands for the lost outputs is never seen, but the examples are counted all the same.
        collected.update(outputs if is_finite else _zeros_like(outputs), batch)
    if collected.num_examples != num_examples:
        raise EvaluationError(f"the split has {collected.num_examples} examples, the workload declares {num_examples}")
    metrics = collected.compute()
    return metrics if is_finite else dict.fromkeys(metrics, math.nan)


def _all_finite(outputs: Outputs, weights: np.ndarray) -> bool:
    """Whether every row (B, ...) that counts is finite; rows that pad a batch may hold anything."""
    counts = weights.reshape(len(weights), -1).any(axis=1)
    arrays = outputs if isinstance(outputs, tuple) else (outputs,)
    return all(bool(np.isfinite(array[counts]).all()) for array in arrays)


def _zeros_like(outputs: Outputs) -> Outputs:
    return tuple(map(np.zeros_like, outputs)) if isinstance(outputs, tuple) else np.zeros_like(outputs)


def _forward(workload: Any) -> _Forward:
    """What a metric is made from, as NumPy arrays: the workload's own decoding where it has one, else the logits."""
    # Kept with its workload, so that JAX compiles once.
    forward: _Forward | None = workload.__dict__.get("evaluation_forward")
    if forward is None:
        make = registry.load_decoder(workload.spec, workload.framework)
        forward = make(workload) if make is not None else _logits(workload)
        workload.evaluation_forward = forward
    return forward


def _logits(workload: Any) -> _Forward:
    def logits(params: Any, model_state: Any, batch: _Batch) -> Any:
        mode = ForwardPassMode.EVAL
        outputs, _ = workload.model_fn(
            params, batch, model_state, mode, None, update_batch_norm=False, dropout_rate=0.0
        )
        return outputs

    if workload.framework == Framework.PYTORCH:
        return lambda params, state, batch: _each(lambda tensor: tensor.cpu().numpy(), logits(params, state, batch))
    import jax

    compiled = jax.jit(logits)
    return lambda params, state, batch: _each(np.asarray, compiled(params, state, batch))


def _each(convert: Callable[[Any], np.ndarray], outputs: Any) -> Outputs:
    return tuple(map(convert, outputs)) if isinstance(outputs, tuple) else convert(outputs)


def _nbytes(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(_nbytes(part) for part in value.values())
    if isinstance(value, tuple):
        return sum(_nbytes(part) for part in value)
    return int(getattr(value, "nbytes", 0))
