"""One workload in both frameworks with the same made-up weights, none of them at a special initial value."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import numpy as np
import torch

from tests.workloads.reference_vectors import numbers
from workloads import registry, transfer
from workloads.api import ForwardPassMode
from workloads.spec import Workload


class Twins(NamedTuple):
    """The PyTorch workload and its module, the JAX one and its parameters, and the weights by PyTorch name."""

    torch: Any
    model: torch.nn.Module
    jax: Any
    params: dict[str, Any]
    weights: dict[str, np.ndarray]


def twins(spec: Workload, dtype: torch.dtype = torch.float64) -> Twins:
    """Twins without batch norm. JAX computes in float64 only inside `jax.enable_x64()`."""
    pytorch, jax_workload = (registry.load(spec, framework)(spec) for framework in ("pytorch", "jax"))
    model = pytorch.build_model().to(dtype)
    weights = {name: made_up(name, tuple(value.shape)) for name, value in model.named_parameters()}
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    shapes, _ = jax.eval_shape(jax_workload.initial_variables, jax.random.PRNGKey(0))
    leaves = jax.tree_util.tree_leaves_with_path(shapes)
    jax_shapes = {"/".join(str(key.key) for key in path): leaf.shape for path, leaf in leaves}
    mapping = transfer.derive(spec.base, {name: value.shape for name, value in weights.items()}, jax_shapes)
    return Twins(pytorch, model, jax_workload, transfer.carry(mapping, weights), weights)


def made_up(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Variance 1 / fan-in for matrices, scales around 1, small biases; float64 that float32 can hold."""
    values = numbers(name, math.prod(shape)).reshape(shape)
    if len(shape) > 1:
        values = values * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        values = 1 + values / 4
    else:
        values = values / 10
    return values.astype(np.float32).astype(np.float64)


def outputs(
    workload: Any,
    params: Any,
    inputs: Any,
    mode: ForwardPassMode = ForwardPassMode.EVAL,
    rate: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """What a model without batch norm makes of `inputs`; images are channels last."""
    if workload.framework == "jax":
        return np.asarray(_compiled(workload)(params, inputs, jax.random.PRNGKey(seed), rate, mode))
    torch.manual_seed(seed)
    batch = workload.to_device({"inputs": inputs})
    return workload.model_fn(params, batch, None, mode, None, False, dropout_rate=rate)[0].detach().numpy()


@functools.lru_cache(maxsize=1)
def _compiled(workload: Any) -> Any:
    """The rate is traced, as in a step that is compiled once for a rate that changes."""

    def forward(params: Any, inputs: Any, key: Any, rate: Any, mode: ForwardPassMode) -> Any:
        return workload.model_fn(params, {"inputs": inputs}, None, mode, key, False, dropout_rate=rate)[0]

    quickly = {"xla_backend_optimization_level": 0}
    return jax.jit(forward, static_argnames="mode", compiler_options=quickly)
