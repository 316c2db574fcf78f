"""Measuring a model on one split. Only judges use it: a trainer container carries neither this nor the data."""

from __future__ import annotations

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
    """The metrics of a model on one split, every example counted exactly once.

    Args:
        workload: a `TorchWorkload` or `JaxWorkload`.
        batches: `eval_batches` of the workload's dataset, NumPy arrays with `weights`.
        num_examples: what the split must hold.
    Raises:
        EvaluationError: the batches held another number of examples.
    """
    forward = _forward(workload)
    collected = accumulator(workload.metric)
    for batch in batches:
        logits = forward(params, model_state, workload.to_device(batch))
        collected.update(logits, batch["targets"], batch["weights"])
    if collected.num_examples != num_examples:
        raise EvaluationError(f"the split has {collected.num_examples} examples, the workload declares {num_examples}")
    return collected.compute()


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
