"""The parameters of a workload's model by name, shape and kind, found without computing or holding any value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from workloads import registry
from workloads.api import ParameterType
from workloads.spec import Framework, Workload


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One array: dots between names in PyTorch, slashes in JAX."""

    name: str
    shape: tuple[int, ...]
    kind: ParameterType

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class ParameterTable:
    """Parameters in the model's order, and the shapes of what else it holds: buffers, or model state."""

    parameters: tuple[Parameter, ...]
    state: Mapping[str, tuple[int, ...]]

    @property
    def total(self) -> int:
        return sum(parameter.size for parameter in self.parameters)


def parameter_table(spec: Workload, framework: str) -> ParameterTable:
    """The table of one workload; PyTorch builds the model on the meta device, JAX only traces it."""
    return _of_torch(spec) if framework == Framework.PYTORCH else _of_jax(spec)


def _of_torch(spec: Workload) -> ParameterTable:
    import torch

    from workloads.torch_base import _parameter_type

    with torch.device("meta"):
        model = registry.load(spec, Framework.PYTORCH)(spec).build_model()
    return ParameterTable(
        parameters=tuple(
            Parameter(name=name, shape=tuple(value.shape), kind=_parameter_type(name))
            for name, value in model.named_parameters()
        ),
        state={name: tuple(value.shape) for name, value in model.named_buffers()},
    )


def _of_jax(spec: Workload) -> ParameterTable:
    import jax

    from workloads.jax_base import _parameter_type

    workload = registry.load(spec, Framework.JAX)(spec)
    params, state = jax.eval_shape(workload.initial_variables, jax.random.PRNGKey(0))

    def leaves(tree: object) -> dict[str, jax.ShapeDtypeStruct]:
        found = jax.tree_util.tree_leaves_with_path(tree)
        return {"/".join(str(entry.key) for entry in path): leaf for path, leaf in found}

    kinds = leaves(jax.tree_util.tree_map_with_path(_parameter_type, params))
    return ParameterTable(
        parameters=tuple(
            Parameter(name=name, shape=tuple(leaf.shape), kind=ParameterType(kinds[name]))
            for name, leaf in leaves(params).items()
        ),
        state={name: tuple(leaf.shape) for name, leaf in leaves(state).items()},
    )
