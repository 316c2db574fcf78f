"""Drives a reference submission with gradients that a test chooses: a model whose loss is linear in its parameters.

The same four arrays exist in both frameworks, each in its own layout. PyTorch's is the one that tests see.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from workloads.api import LossType, ShapeTuple
from workloads.compatibility import install
from workloads.submission import hyperparameters_tuple

ALGORITHMS = Path(__file__).resolve().parents[2] / "algorithms"
SHAPES = {"dense": (6, 4), "conv": (5, 3, 2, 2), "bias": (6,), "embedding": (7, 3)}
# Axes of the arrays in JAX, as axes of those in PyTorch.
AXES = {"dense": (1, 0), "conv": (2, 3, 1, 0), "bias": (0,), "embedding": (0, 1)}
STEP_HINT = 10

Arrays = dict[str, np.ndarray]


def random_arrays(seed: int) -> Arrays:
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


class Training:
    """One training run of `algorithms/<name>/<framework>`, a step per call."""

    def __init__(self, name: str, framework: str, start: Arrays, point: dict[str, Any] | None) -> None:
        install()
        self.submission = submission_of(name, framework)
        self.side = {"jax": _Jax, "pytorch": _Torch}[framework](start)
        self.point = hyperparameters_tuple(point)
        self.workload = self.side.workload
        self.params = self.side.params
        self.state = self.submission.init_optimizer_state(self.workload, self.params, None, self.point, None)
        self.taken = 0

    def step(self, gradients: Arrays) -> Arrays:
        """The parameters after a step with these gradients."""
        batch = {"inputs": self.side.own(gradients), "targets": None}
        self.state, self.params, _ = self.submission.update_params(batch=batch, **self._arguments())
        self.taken += 1
        return self.side.arrays(self.params)

    def prepared(self) -> Arrays:
        """The parameters as they would be evaluated now."""
        self.state, self.params, _ = self.submission.prepare_for_eval(**self._arguments())
        return self.side.arrays(self.params)

    def _arguments(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "current_param_container": self.params,
            "current_params_types": None,
            "model_state": None,
            "hyperparameters": self.point,
            "loss_type": LossType.MEAN_SQUARED_ERROR,
            "optimizer_state": self.state,
            "eval_results": [],
            "global_step": self.taken,
            "rng": None,
        }


class _Workload(SimpleNamespace):
    """The members that the submissions use. Equal by identity, so that it can be static in a compiled step."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def _workload(model_fn: Any, one: Any) -> _Workload:
    return _Workload(
        step_hint=STEP_HINT,
        param_shapes={name: ShapeTuple(shape) for name, shape in SHAPES.items()},
        is_output_params=lambda name: False,
        model_fn=model_fn,
        loss_fn=lambda label_batch, logits_batch, mask_batch, label_smoothing: {
            "summed": logits_batch,
            "n_valid_examples": one,
        },
    )


class _Jax:
    def __init__(self, start: Arrays) -> None:
        import jax.numpy as jnp

        self.params = self.own(start)
        self.workload = _workload(
            lambda params, augmented_and_preprocessed_input_batch, **_: (
                sum(jnp.sum(params[name]["kernel"] * augmented_and_preprocessed_input_batch["inputs"][name]["kernel"])
                    for name in SHAPES), None),
            1.0,
        )  # fmt: skip

    def own(self, arrays: Arrays) -> Any:
        import jax.numpy as jnp

        return {name: {"kernel": jnp.array(array.transpose(AXES[name]))} for name, array in arrays.items()}

    def arrays(self, params: Any) -> Arrays:
        return {name: np.asarray(params[name]["kernel"]).transpose(np.argsort(AXES[name])) for name in SHAPES}


class _Torch:
    def __init__(self, start: Arrays) -> None:
        import torch

        self.params = torch.nn.ParameterDict(self.own(start))
        self.workload = _workload(
            lambda params, augmented_and_preprocessed_input_batch, **_: (
                sum((params[name] * augmented_and_preprocessed_input_batch["inputs"][name]).sum()
                    for name in SHAPES), None),
            torch.tensor(1.0),
        )  # fmt: skip

    def own(self, arrays: Arrays) -> Any:
        import torch

        return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    def arrays(self, params: Any) -> Arrays:
        return {name: params[name].detach().numpy().copy() for name in SHAPES}


def submission_of(name: str, framework: str) -> Any:
    """The module, under a name of its own, so that one process can hold them all. `algoperf` is importable."""
    path = ALGORITHMS / name / framework / "submission.py"
    spec = importlib.util.spec_from_file_location(f"reference_{name}_{framework}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
