"""What every PyTorch workload shares: device, batches, forward modes, parameter tables.

A concrete workload gives `build_model`, `loss_fn` and `is_output_params`. One process, one device.
Source: AlgoPerf protocol, `Workload` interface and "PyTorch" (v0.6).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from workloads.api import ForwardPassMode, GraphsTuple, LossType, ParameterType, ShapeTuple
from workloads.base import BaseWorkload, parameter_type
from workloads.spec import Framework

# The standard deviation of a standard normal cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class TorchWorkload(BaseWorkload):
    """A workload for submissions in PyTorch. Parameters are the module itself; the model state is None."""

    framework = Framework.PYTORCH
    default_dropout_rate: float = 0.0
    averages_state_over_ranks = False  # True: several processes average parameters and buffers before an evaluation

    @property
    def device(self) -> torch.device:
        """The GPU of this process's rank, or the CPU."""
        return torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu")

    def build_model(self) -> nn.Module:
        """The bare model on the current default device, freshly initialised from torch's global generator."""
        raise NotImplementedError

    def init_model_fn(self, rng: Any) -> tuple[nn.Module, None]:
        """The initial model: equal seeds give equal bits on equal machines. `rng` is a key or an integer."""
        torch.random.manual_seed(int(np.ravel(rng)[0]))
        model = self.build_model().to(self.device)
        self._param_shapes = {name: ShapeTuple(tuple(value.shape)) for name, value in model.named_parameters()}
        self._param_types = {name: _parameter_type(name) for name, _ in model.named_parameters()}
        return model, None

    def model_fn(
        self,
        params: nn.Module,
        augmented_and_preprocessed_input_batch: Mapping[str, Any],
        model_state: None,
        mode: ForwardPassMode,
        rng: Any,
        update_batch_norm: bool,
        dropout_rate: float | None = None,
    ) -> tuple[torch.Tensor, None]:
        """Logits of one batch. EVAL runs without gradients; `update_batch_norm` False freezes running averages only."""
        rate = self.default_dropout_rate if dropout_rate is None else float(dropout_rate)
        inputs = augmented_and_preprocessed_input_batch["inputs"]
        if mode == ForwardPassMode.EVAL:
            params.eval()
            with torch.no_grad():
                return self.forward(params, inputs, 0.0), None
        params.train()
        set_batch_norm_updates(params, update_batch_norm)
        return self.forward(params, inputs, rate), None

    def forward(self, model: nn.Module, inputs: Any, dropout_rate: float) -> torch.Tensor:
        """One call of the module; models with dropout override it to pass the rate on."""
        return model(inputs)

    def loss_fn(
        self,
        label_batch: torch.Tensor,
        logits_batch: torch.Tensor,
        mask_batch: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, torch.Tensor]:
        """`summed` (scalar), `n_valid_examples` (scalar) and `per_example` losses, without regularisation."""
        raise NotImplementedError

    def is_output_params(self, param_key: str) -> bool:
        """True for the parameters of the output layer."""
        raise NotImplementedError

    def output_activation_fn(self, logits_batch: torch.Tensor, framework: str) -> torch.Tensor:
        """Probabilities, or the logits themselves for regression losses. ValueError for the other framework."""
        if framework != Framework.PYTORCH:
            raise ValueError(f"framework is {Framework.PYTORCH.value!r} here, not {framework!r}")
        if self.loss_type in (LossType.SOFTMAX_CROSS_ENTROPY, LossType.CTC_LOSS):
            return torch.softmax(logits_batch, dim=-1)
        if self.loss_type == LossType.SIGMOID_CROSS_ENTROPY:
            return torch.sigmoid(logits_batch)
        return logits_batch

    def to_device(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """A batch of NumPy arrays as tensors. Images (B, height, width, channels) become (B, channels, height, width)
        in the same memory, which is PyTorch's channels-last format; integers become int64."""
        return {key: self._tensors(value) for key, value in batch.items()}

    def _tensors(self, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, GraphsTuple):
            return GraphsTuple(*(self._tensors(field) for field in value))
        if isinstance(value, tuple):  # audio and its paddings
            return tuple(self._tensors(part) for part in value)
        tensor = torch.from_numpy(value)
        if not tensor.is_floating_point():
            tensor = tensor.long()
        if tensor.ndim == 4:
            tensor = tensor.permute(0, 3, 1, 2)
        return tensor.to(self.device, non_blocking=True)


def _parameter_type(name: str) -> ParameterType:
    parent, _, own = name.lower().rpartition(".")
    return parameter_type(parent, own)


def set_batch_norm_updates(model: nn.Module, update: bool) -> None:
    """Lets training passes move the running averages of batch norm, or not; statistics of the batch are used anyway."""
    for module in model.modules():
        # Batch norm of PyTorch's and of our own; an instance norm has no averages.
        if getattr(module, "running_mean", None) is not None:
            configured = module.__dict__.setdefault("configured_momentum", module.momentum)
            module.__dict__["momentum"] = configured if update else 0.0


def lecun_normal_(weight: torch.Tensor) -> None:
    """Fills a kernel from a truncated normal of variance 1 / fan-in, flax's default initialiser.

    Args:
        weight: (outputs, inputs) or (outputs, inputs, height, width).
    """
    fan_in = weight[0].numel()
    stddev = fan_in**-0.5 / _TRUNCATED_STDDEV
    nn.init.trunc_normal_(weight, std=stddev, a=-2 * stddev, b=2 * stddev)
