"""The PyTorch model with the weights of the vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from workloads import registry
from workloads.api import ForwardPassMode, GraphsTuple
from workloads.errors import VectorsError
from workloads.spec import Framework
from workloads.vectors.golden import Golden
from workloads.vectors.runner import Trained


class TorchRunner:
    """One model in float32 or float64, without TF32."""

    framework = Framework.PYTORCH

    def __init__(self, golden: Golden, *, double: bool) -> None:
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        self._dtype = torch.float64 if double else torch.float32
        self._workload = registry.load(golden.spec, self.framework)(golden.spec)
        self.device = self._workload.device
        self.model = self._workload.build_model().to(self.device, self._dtype)
        _check_weights(self.model, golden.weights)
        # Constants of the model have no entry in the vectors.
        values = {name: torch.from_numpy(value) for name, value in golden.weights.items()}
        self.model.load_state_dict(values, strict=False)

    def evaluate(self, batch: Mapping[str, Any]) -> Any:
        return self._forward(batch, ForwardPassMode.EVAL, update=False)

    def train(self, batch: Mapping[str, Any], *, masked: bool) -> Trained:
        """One training pass with the running averages updated, and the gradient of its loss."""
        outputs = self._forward(batch, ForwardPassMode.TRAIN, update=True)
        self.model.zero_grad()
        tensors = self._tensors(batch)
        mask = tensors["weights"] if masked else None
        self._workload.loss_fn(tensors["targets"], outputs, mask, 0.0)["summed"].backward()
        gradients = {name: value.grad.cpu().numpy() for name, value in self.model.named_parameters()}
        return Trained(outputs=_detached(outputs), gradients=gradients, statistics=self._statistics())

    def train_without_update(self, batch: Mapping[str, Any]) -> tuple[Any, float]:
        """Outputs of a training pass that keeps the running averages, and by how much it moved them all the same."""
        before = self._statistics()
        with torch.no_grad():
            outputs = self._forward(batch, ForwardPassMode.TRAIN, update=False)
        moved = [np.abs(value - before[name]).max(initial=0) for name, value in self._statistics().items()]
        return outputs, float(max(moved, default=0.0))

    def loss(
        self, batch: Mapping[str, Any], outputs: Any, smoothing: float, *, masked: bool, soft: bool
    ) -> dict[str, np.ndarray]:
        tensors = self._tensors(batch)
        targets = tensors["targets"]
        if soft:
            first, second = (torch.eye(outputs.shape[-1])[tensors[key].cpu()] for key in ("targets", "targets2"))
            targets = (0.7 * first + 0.3 * second).to(outputs.device, self._dtype)
        mask = tensors["weights"] if masked else None
        with torch.no_grad():
            loss = self._workload.loss_fn(targets, outputs, mask, smoothing)
        return {key: value.cpu().numpy() for key, value in loss.items()}

    def numpy(self, outputs: Any) -> tuple[np.ndarray, ...]:
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(part.detach().cpu().numpy() for part in parts)

    def _forward(self, batch: Mapping[str, Any], mode: ForwardPassMode, *, update: bool) -> Any:
        outputs, _ = self._workload.model_fn(
            self.model, self._tensors(batch), None, mode, None, update_batch_norm=update, dropout_rate=0.0
        )
        return outputs

    def _tensors(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._cast(value) for key, value in self._workload.to_device(batch).items()}

    def _cast(self, value: Any) -> Any:
        if isinstance(value, GraphsTuple):
            return GraphsTuple(*map(self._cast, value))
        if isinstance(value, tuple):
            return tuple(map(self._cast, value))
        return value.to(self._dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def _statistics(self) -> dict[str, np.ndarray]:
        return {name: value.cpu().numpy().copy() for name, value in _averages(self.model).items()}


def _check_weights(model: torch.nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Raises VectorsError unless the weights are the model's; a tensor without one would keep its initial value."""
    tensors = {**dict(model.named_parameters()), **_averages(model)}
    for name, tensor in tensors.items():
        if name not in weights:
            raise VectorsError(f"the vectors have no {name}, which the model has")
        if weights[name].shape != tuple(tensor.shape):
            raise VectorsError(f"{name} is {weights[name].shape} in the vectors and {tuple(tensor.shape)} in the model")
    unknown = ", ".join(sorted(set(weights) - set(tensors)))
    if unknown:
        raise VectorsError(f"the model has no {unknown}, which the vectors have")


def _averages(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.named_buffers() if ".running_" in name}


def _detached(outputs: Any) -> Any:
    return tuple(part.detach() for part in outputs) if isinstance(outputs, tuple) else outputs.detach()
