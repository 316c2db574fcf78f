"""What every JAX workload shares: placement, batches, parameter tables.

A concrete workload gives `build_model`, `initial_variables`, `loss_fn` and `is_output_params`, and a `model_fn` of its
own where there is batch norm. Arrays are replicated or sharded along the batch over one mesh axis `batch` of all
devices, as in the benchmark's jit era (v0.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from workloads.api import ForwardPassMode, LossType, ShapeTuple
from workloads.base import BaseWorkload, parameter_type
from workloads.spec import Framework

# Initial values are computed once a process, and optimizing that program takes longer than running it.
_QUICK_TO_COMPILE = {"xla_backend_optimization_level": 0}


class JaxWorkload(BaseWorkload):
    """A workload for submissions in JAX. Parameters and model state are nested dicts of float32 arrays."""

    framework = Framework.JAX
    default_dropout_rate: float = 0.0

    def build_model(self) -> nn.Module:
        """The flax module of this workload."""
        raise NotImplementedError

    def initial_variables(self, rng: jax.Array) -> tuple[Any, Any]:
        """(parameters, model state or None); traceable, so that shapes can be had without computing."""
        raise NotImplementedError

    def init_model_fn(self, rng: Any) -> tuple[Any, Any]:
        """The initial model: equal seeds give equal bits on equal machines. `rng` is a key or an integer."""
        key = jax.random.PRNGKey(rng) if isinstance(rng, int) else rng
        params, model_state = jax.jit(self.initial_variables, compiler_options=_QUICK_TO_COMPILE)(key)
        self._param_shapes = jax.tree.map(lambda leaf: ShapeTuple(leaf.shape), params)
        self._param_types = jax.tree_util.tree_map_with_path(_parameter_type, params)
        return replicate(params), replicate(model_state)

    def model_fn(
        self,
        params: Any,
        augmented_and_preprocessed_input_batch: Mapping[str, Any],
        model_state: Any,
        mode: ForwardPassMode,
        rng: Any,
        update_batch_norm: bool,
        dropout_rate: float | None = None,
        *,
        use_running_average_bn: bool | None = None,
    ) -> tuple[Any, Any]:
        """Logits of one batch; the model state is handed through, because there is no batch norm.

        Args:
            dropout_rate: None for the workload's own.
            use_running_average_bn: without effect; workloads with batch norm take it, and the benchmark's ViT, too.
        """
        train = mode == ForwardPassMode.TRAIN
        logits = self.build_model().apply(
            {"params": params},
            self.model_inputs(augmented_and_preprocessed_input_batch),
            dropout_rate=self.default_dropout_rate if dropout_rate is None else dropout_rate,
            train=train,
            rngs={"dropout": rng} if train else None,
        )
        return logits, model_state

    def model_inputs(self, batch: Mapping[str, Any]) -> Any:
        """What of a batch the model reads."""
        return batch["inputs"]

    def loss_fn(
        self,
        label_batch: jax.Array,
        logits_batch: jax.Array,
        mask_batch: jax.Array | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Any]:
        """`summed` (scalar), `n_valid_examples` (scalar) and `per_example` losses, without regularisation."""
        raise NotImplementedError

    def is_output_params(self, param_key: str) -> bool:
        """True for the top-level key of the output layer."""
        raise NotImplementedError

    def output_activation_fn(self, logits_batch: jax.Array, framework: str) -> jax.Array:
        """Probabilities, or the logits themselves for regression losses. ValueError for the other framework."""
        if framework != Framework.JAX:
            raise ValueError(f"framework is {Framework.JAX.value!r} here, not {framework!r}")
        if self.loss_type in (LossType.SOFTMAX_CROSS_ENTROPY, LossType.CTC_LOSS):
            return jax.nn.softmax(logits_batch, axis=-1)
        if self.loss_type == LossType.SIGMOID_CROSS_ENTROPY:
            return jax.nn.sigmoid(logits_batch)
        return logits_batch

    def to_device(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """A batch of NumPy arrays on the devices: leading axes sharded where they can be, otherwise replicated."""
        return {key: shard(value) for key, value in batch.items()}


def replicate(tree: Any) -> Any:
    """The same arrays on every device."""
    return place(tree)


def shard(tree: Any) -> Any:
    """Arrays cut along their first axis, or replicated when that axis of some array cannot be cut evenly."""
    devices = jax.device_count()
    even = all(leaf.ndim > 0 and leaf.shape[0] % devices == 0 for leaf in jax.tree.leaves(tree))
    return place(tree, "batch") if even else place(tree)


def place(tree: Any, *axes: str) -> Any:
    """Arrays on all devices: whole, or cut along their first axis where the axis `batch` is named.

    One device needs no mesh. Arrays without one also match those that an optimizer makes itself, so that the
    second step of a submission finds the program that its first step compiled."""
    if jax.device_count() == 1:
        return jax.tree.map(jnp.asarray, tree)
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("batch",))
    return jax.device_put(tree, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes)))


def dropout(values: jax.Array, rate: float | jax.Array, rng: jax.Array | None) -> jax.Array:
    """Zeroes each entry with probability `rate` and divides the others by what is left; the identity without `rng`.

    `rate` may be traced, so that one compiled step serves every rate.
    """
    if rng is None or (isinstance(rate, int | float) and rate == 0):
        return values
    keep = 1.0 - rate
    return jnp.where(jax.random.bernoulli(rng, keep, values.shape), values / keep, 0.0)


def _parameter_type(path: tuple[Any, ...], _leaf: Any) -> Any:
    *parents, name = (str(entry.key).lower() for entry in path)
    return parameter_type("/".join(parents), name)
