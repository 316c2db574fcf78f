"""Shapes and kinds of parameters."""

from __future__ import annotations

from typing import Any

from workloads.api import ParameterType, ShapeTuple
from workloads.base import parameter_type


def pytorch_param_shapes(model: Any) -> dict[str, ShapeTuple]:
    """Parameter name -> shape of a `torch.nn.Module`."""
    return {name: ShapeTuple(tuple(value.shape)) for name, value in model.named_parameters()}


def pytorch_param_types(param_shapes: dict[str, ShapeTuple]) -> dict[str, ParameterType]:
    """Parameter name -> kind, guessed from the names."""
    types = {}
    for name in param_shapes:
        parent, _, own = name.lower().rpartition(".")
        types[name] = parameter_type(parent, own)
    return types


def jax_param_shapes(params: Any) -> Any:
    """The tree of shapes of a tree of arrays."""
    import jax

    return jax.tree.map(lambda leaf: ShapeTuple(tuple(leaf.shape)), params)


def jax_param_types(param_shapes: Any, parent_name: str = "") -> dict[str, Any]:
    """The tree of kinds, guessed from the names on the way to each shape. Keys are lower-case."""
    types: dict[str, Any] = {}
    for key, value in param_shapes.items():
        name = key.lower()
        if isinstance(value, ShapeTuple):
            types[name] = parameter_type(parent_name, name)
        else:
            types[name] = jax_param_types(value, f"{parent_name}/{name}" if parent_name else name)
    return types
