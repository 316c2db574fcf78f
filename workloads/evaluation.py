"""Measuring a model on one split. Only judges use it: a trainer container carries neither this nor the data.

Logits that are not finite have no order, so a metric made of them would follow the order of the data instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from workloads.api import ForwardPassMode
from workloads.errors import EvaluationError
from workloads.metrics import accumulator
from workloads.spec import Framework

_Batch = Mapping[str, Any]


def evaluate(
    workload: Any, params: Any, model_state: Any, batches: Iterable[_Batch], num_examples: int
) -> dict[str, float]:
    """The metrics of a model on one split, every example counted exactly once; NaN when a logit is not finite.

    Args:
        workload: a `TorchWorkload` or `JaxWorkload`.
        batches: `eval_batches` of the workload's dataset, NumPy arrays with `weights`.
        num_examples: what the split must hold.
    Raises:
        EvaluationError: the batches held another number of examples.
    """
    forward = _forward(workload)
    collected = accumulator(workload.metric)
    is_finite = True
    for batch in batches:
        logits = forward(params, model_state, workload.to_device(batch))
        is_finite = is_finite and _all_finite(logits, batch["weights"])
        # What stands for the lost logits is never seen, but the examples are counted all the same.
        collected.update(logits if is_finite else np.zeros_like(logits), batch["targets"], batch["weights"])
    if collected.num_examples != num_examples:
        raise EvaluationError(f"the split has {collected.num_examples} examples, the workload declares {num_examples}")
    metrics = collected.compute()
    return metrics if is_finite else dict.fromkeys(metrics, math.nan)


def _all_finite(logits: np.ndarray, weights: np.ndarray) -> bool:
    """Whether every row (B, ...) that counts is finite; rows that pad a batch may hold anything."""
    counts = weights.reshape(len(weights), -1).any(axis=1)
    return bool(np.isfinite(logits[counts]).all())


def _forward(workload: Any) -> Callable[[Any, Any, _Batch], np.ndarray]:
    """Logits as a NumPy array. In JAX the compiled function is kept with its workload, so it compiles once."""
    if workload.framework == Framework.PYTORCH:
        return lambda params, state, batch: _logits(workload, params, state, batch).cpu().numpy()
    compiled = workload.__dict__.get("compiled_forward")
    if compiled is None:
        import jax

        compiled = jax.jit(lambda params, state, batch: _logits(workload, params, state, batch))
        workload.compiled_forward = compiled
    return lambda params, state, batch: np.asarray(compiled(params, state, {"inputs": batch["inputs"]}))


def _logits(workload: Any, params: Any, model_state: Any, batch: _Batch) -> Any:
    mode = ForwardPassMode.EVAL
    logits, _ = workload.model_fn(params, batch, model_state, mode, None, update_batch_norm=False, dropout_rate=0.0)
    return logits
