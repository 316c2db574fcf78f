"""PyTorch against JAX: one forward pass and one gradient of every workload with the same weights.

Both compute in float64, where two equal functions differ by their constants only, so the limit says something about the
functions and nothing about rounding. What cannot be equal is switched to what can, here and in the open: random masks
in the input are off, and so is dropout; features of sound, which are float32 in any case, are those of one framework
for both. Source of the known exceptions: AlgoPerf workloads, section 14.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import torch

from workloads import registry, synthetic, transfer
from workloads.layers.log_mel_torch import LogMel
from workloads.narrow import narrow, shortened
from workloads.spec import Framework, Workload
from workloads.vectors import generator
from workloads.vectors.runner import Trained
from workloads.vectors.runner_jax import JaxRunner
from workloads.vectors.runner_torch import TorchRunner

LIMIT = 2e-5  # relative
SEED = 11
# A tensor whose gradient is a thousandth of the whole is noise beside it: key biases have none at all.
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, kw_only=True)
class KnownException:
    """A difference between the benchmark's own two implementations, which ours keep."""

    reason: str
    switched: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # model values with which both are equal
    limit: float = LIMIT  # where no switch makes them equal
    statistics_limit: float = LIMIT


KNOWN_EXCEPTIONS: Mapping[str, KnownException] = {
    **dict.fromkeys(
        ("imagenet_resnet", "imagenet_resnet_silu", "imagenet_resnet_gelu", "imagenet_resnet_large_bn_init"),
        KnownException(
            reason="JAX pads 3x3 convolutions of stride 2 by (0, 1), PyTorch by (1, 1); compared with (1, 1) in both. "
            "The running variance is the biased one in JAX, the unbiased one in PyTorch",
            switched={"symmetric_padding": True},
            statistics_limit=2e-2,
        ),
    ),
    **dict.fromkeys(
        ("librispeech_deepspeech", "librispeech_deepspeech_tanh", "librispeech_deepspeech_norm_and_spec_aug"),
        KnownException(
            reason="JAX drops 10 % in the feed-forward modules whatever it is asked for; compared without",
            switched={"fixed_dropout_jax": None},
        ),
    ),
    "librispeech_conformer_gelu": KnownException(
        reason="in the convolution module PyTorch takes the exact GELU, JAX the approximation by tanh", limit=5e-3
    ),
}


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Relative differences; `worst` is the tensor whose gradient differs most."""

    name: str
    evaluation: float
    training: float
    gradient: float
    worst: str
    statistics: float  # running averages after one training pass; 0 where there are none
    limit: float
    statistics_limit: float
    exception: str

    @property
    def largest(self) -> float:
        """Of what has `limit`."""
        return max(self.evaluation, self.training, self.gradient)

    @property
    def passed(self) -> bool:
        return self.largest <= self.limit and self.statistics <= self.statistics_limit


def compare(spec: Workload, batch_size: int, *, switch: bool = True) -> Parity:
    """Both frameworks on one batch. Leaves JAX in float64 while it computes only.

    Args:
        switch: False compares the models as they are, without what a known exception switches.
    """
    exception = KNOWN_EXCEPTIONS.get(spec.name)
    switched = exception.switched if exception and switch else {}
    weights = _Weights(_without_masks(dataclasses.replace(spec, model={**spec.model, **switched})))
    batch = next(synthetic.train_batches(weights.spec, batch_size, SEED))
    masked = "weights" in batch
    with _same_features(weights.spec, batch), jax.enable_x64(True):
        found = [
            (_outputs(runner, runner.evaluate(batch), batch), runner.train(batch, masked=masked), runner)
            for runner in (TorchRunner(weights, double=True), JaxRunner(weights, double=True))  # type: ignore[arg-type]
        ]
    (torch_eval, torch_train, torch_runner), (jax_eval, jax_train, jax_runner) = found
    gradient, worst = _largest_gradient(torch_train, jax_train)
    return Parity(
        name=spec.name,
        evaluation=_difference(torch_eval, jax_eval),
        training=_difference(
            _outputs(torch_runner, torch_train.outputs, batch), _outputs(jax_runner, jax_train.outputs, batch)
        ),
        gradient=gradient,
        worst=worst,
        statistics=max(
            (_difference(value, jax_train.statistics[key]) for key, value in torch_train.statistics.items()),
            default=0.0,
        ),
        limit=exception.limit if exception else LIMIT,
        statistics_limit=exception.statistics_limit if exception else LIMIT,
        exception=exception.reason if exception else "",
    )


class _Weights:
    """Made-up weights of one workload, none at a special initial value, in the shape that the runners read."""

    def __init__(self, spec: Workload) -> None:
        self.spec = spec
        with torch.device("meta"):
            model = registry.load(spec, Framework.PYTORCH)(spec).build_model()
        averages = ((name, tensor) for name, tensor in model.named_buffers() if ".running_" in name)
        tensors = itertools.chain(model.named_parameters(), averages)
        self.weights = {name: _made_up(name, tuple(tensor.shape)) for name, tensor in tensors}

    def leaves(self, jax_shapes: transfer.Shapes) -> tuple[transfer.Leaf, ...]:
        return transfer.derive(self.spec.base, {name: value.shape for name, value in self.weights.items()}, jax_shapes)


def _made_up(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Matrices of variance 1 / fan-in, scales and variances around 1, the rest small; all of them fit into float32."""
    values = generator.numbers(name, math.prod(shape)).reshape(shape)
    if len(shape) > 1:
        values = values * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith(("weight", "running_var")):
        values = 1 + values / 4
    else:
        values = values / 10
    return values.astype(np.float32).astype(np.float64)


def _without_masks(spec: Workload) -> Workload:
    """SpecAugment draws from each framework's own generator, so it is off."""
    masks = {key: 0 for key in ("frequency_masks", "time_masks") if key in spec.model}
    return dataclasses.replace(spec, model={**spec.model, **masks})


@contextlib.contextmanager
def _same_features(spec: Workload, batch: Mapping[str, Any]) -> Iterator[None]:
    """While it lasts, the JAX model hears what PyTorch's front end made of the batch.

    Both front ends compute in float32, and the last digits of their Fourier transforms differ: a front end is compared
    by its own tests, and this says something about the models behind it.
    """
    name = "log_mel_features"
    module = importlib.import_module(f"workloads.{spec.base}.model_jax")
    if not hasattr(module, name):
        yield
        return
    own = getattr(module, name)
    heard = [part.numpy() for part in LogMel()(*map(torch.from_numpy, batch["inputs"]))]
    setattr(module, name, lambda audio, paddings: tuple(jax.numpy.asarray(part, paddings.dtype) for part in heard))
    try:
        yield
    finally:
        setattr(module, name, own)


def _outputs(runner: TorchRunner | JaxRunner, outputs: Any, batch: Mapping[str, Any]) -> np.ndarray:
    """Logits where they mean something: not on padded frames, not on tokens without weight."""
    logits, *paddings = runner.numpy(outputs)
    if paddings:
        return np.where(paddings[0][..., None] > 0, 0, logits)
    if "inputs_segmentation" in batch:
        return np.where(batch["weights"][..., None] > 0, logits, 0)
    return logits


def _largest_gradient(one: Trained, other: Trained) -> tuple[float, str]:
    """The largest difference of a tensor's gradient relative to its own norm, and whose it is."""
    norms = {name: float(np.linalg.norm(value.ravel())) for name, value in one.gradients.items()}
    least = _NEGLIGIBLE * math.hypot(*norms.values())
    errors = {
        name: float(np.linalg.norm((value - other.gradients[name]).ravel())) / max(norms[name], least)
        for name, value in one.gradients.items()
    }
    worst = max(errors, key=errors.__getitem__)
    return errors[worst], worst


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm((one - other).ravel()) / np.linalg.norm(one.ravel()))


def as_json(parity: Parity) -> dict[str, Any]:
    return {**dataclasses.asdict(parity), "passed": parity.passed}


def rows(names: Iterator[str], *, full: bool) -> Iterator[Parity]:
    """One comparison per name: narrow, or the full-size model on short inputs."""
    for name in names:
        spec = registry.get(name)
        yield compare(shortened(spec), 2) if full else compare(narrow(spec), 4)
