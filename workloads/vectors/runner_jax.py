"""The JAX model with the weights of the vectors, given in PyTorch's layout and differentiated in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from workloads import registry, transfer
from workloads.api import ForwardPassMode
from workloads.spec import Framework
from workloads.vectors.golden import Golden
from workloads.vectors.runner import Trained

# Each program runs once or twice here, so optimizing it for long does not pay: except for large convolutions in
# float64, which are plain loops on a CPU and forty times slower without.
_QUICK_TO_COMPILE = {"xla_backend_optimization_level": 0}
_SMALL = 1_000_000  # weights


class JaxRunner:
    """One model in float32, or in float64 where `jax_enable_x64` is set. Carrying the weights is part of the program:
    so gradients come in PyTorch's layout, whatever was fused, transposed or summed."""

    framework = Framework.JAX

    def __init__(self, golden: Golden, *, double: bool, changes: Mapping[str, Any] | None = None) -> None:
        self._dtype = jnp.float64 if double else jnp.float32
        spec = dataclasses.replace(golden.spec, model={**golden.spec.model, **(changes or {})})
        self._workload = registry.load(spec, self.framework)(spec)
        self._leaves = golden.leaves(self.shapes(golden))
        self._weights = {name: self._array(value) for name, value in golden.weights.items()}

    @classmethod
    def shapes(cls, golden: Golden) -> dict[str, tuple[int, ...]]:
        """Every array of the JAX model by path."""
        workload = registry.load(golden.spec, cls.framework)(golden.spec)
        params, state = jax.eval_shape(workload.initial_variables, jax.random.PRNGKey(0))
        leaves = [*jax.tree_util.tree_leaves_with_path(params), *jax.tree_util.tree_leaves_with_path(state)]
        return {"/".join(str(key.key) for key in path): leaf.shape for path, leaf in leaves}

    def evaluate(self, batch: Mapping[str, Any]) -> Any:
        def outputs(weights: Any, batch: Any) -> Any:
            return self._forward(weights, batch, ForwardPassMode.EVAL)[0]

        return self._run(outputs, self._arrays(batch))

    def train(self, batch: Mapping[str, Any], *, masked: bool) -> Trained:
        """One training pass with the running averages updated, and the gradient of its loss."""

        def loss(weights: Any, batch: Any) -> Any:
            outputs, state = self._forward(weights, batch, ForwardPassMode.TRAIN)
            mask = batch["weights"] if masked else None
            return self._workload.loss_fn(batch["targets"], outputs, mask, 0.0)["summed"], (outputs, state)

        gradients, (outputs, state) = self._run(jax.grad(loss, has_aux=True), self._arrays(batch))
        return Trained(
            outputs=outputs,
            gradients={name: np.asarray(value) for name, value in gradients.items()},
            statistics=self._statistics(state),
        )

    def loss(
        self, batch: Mapping[str, Any], outputs: Any, smoothing: float, *, masked: bool, soft: bool
    ) -> dict[str, np.ndarray]:
        arrays = self._arrays(batch)
        targets = arrays["targets"]
        if soft:
            first, second = (jax.nn.one_hot(arrays[key], outputs.shape[-1]) for key in ("targets", "targets2"))
            targets = 0.7 * first + 0.3 * second
        mask = arrays["weights"] if masked else None
        loss = self._workload.loss_fn(targets, outputs, mask, smoothing)
        return {key: np.asarray(value) for key, value in loss.items()}

    def numpy(self, outputs: Any) -> tuple[np.ndarray, ...]:
        return tuple(map(np.asarray, outputs if isinstance(outputs, tuple) else (outputs,)))

    def _forward(self, weights: Any, batch: Any, mode: ForwardPassMode) -> Any:
        variables = transfer.carry(self._leaves, weights)
        state = {"batch_stats": variables.pop("batch_stats")} if "batch_stats" in variables else {}
        training = mode == ForwardPassMode.TRAIN
        return self._workload.model_fn(
            variables, batch, state, mode, jax.random.PRNGKey(0), update_batch_norm=training, dropout_rate=0.0
        )

    def _run(self, function: Callable[..., Any], batch: Any) -> Any:
        small = sum(value.size for value in self._weights.values()) < _SMALL
        quick = jax.default_backend() == "cpu" and (small or self._dtype == jnp.float32)
        options = _QUICK_TO_COMPILE if quick else None
        return jax.jit(function, compiler_options=options)(self._weights, batch)

    def _statistics(self, state: Any) -> dict[str, np.ndarray]:
        """New running averages by PyTorch name."""
        leaves = jax.tree_util.tree_leaves_with_path(state)
        by_path = {"/".join(str(key.key) for key in path): np.asarray(leaf) for path, leaf in leaves}
        return {leaf.torch[0]: by_path[leaf.jax].ravel() for leaf in self._leaves if leaf.jax in by_path}

    def _arrays(self, batch: Mapping[str, Any]) -> Any:
        return jax.tree.map(self._array, dict(batch))

    def _array(self, value: np.ndarray) -> jax.Array:
        return jnp.asarray(value, self._dtype if np.issubdtype(value.dtype, np.floating) else None)
