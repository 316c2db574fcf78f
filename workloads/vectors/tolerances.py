"""How far a correct implementation may be off, by base workload.

Source: README of the reference vectors, 2.6: about ten times what two correct implementations differ by.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from workloads.spec import Framework


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """Outputs are absolute, gradient norms relative, gradient dots relative to the norm, losses relative."""

    evaluation: float
    training: float
    gradient_norm: float
    gradient_dot: float
    evaluation_loss: float = 2e-6
    training_loss: float = 1e-5
    statistics: float = 5e-5  # running averages


_FLOAT32: Mapping[str, Tolerances] = {
    "criteo1tb": Tolerances(evaluation=5e-5, training=5e-5, gradient_norm=1e-5, gradient_dot=1e-5),
    "fastmri": Tolerances(evaluation=1e-4, training=1e-4, gradient_norm=1e-3, gradient_dot=2e-2),
    "imagenet_resnet": Tolerances(evaluation=5e-5, training=2e-3, gradient_norm=1e-1, gradient_dot=2e-1),
    "imagenet_vit": Tolerances(evaluation=2e-5, training=2e-5, gradient_norm=1e-5, gradient_dot=5e-5),
    "librispeech_conformer": Tolerances(
        evaluation=5e-5, training=1e-4, gradient_norm=1e-3, gradient_dot=5e-3, statistics=1e-6
    ),
    "librispeech_deepspeech": Tolerances(
        evaluation=5e-5, training=4e-4, gradient_norm=1e-3, gradient_dot=3e-3, statistics=1e-6
    ),
    "ogbg": Tolerances(evaluation=3e-5, training=3e-5, gradient_norm=1e-5, gradient_dot=1e-5),
    "wmt": Tolerances(evaluation=2e-5, training=2e-5, gradient_norm=1e-4, gradient_dot=5e-4),
}
# Position tables of two bases are float32 constants; the front end of speech was evaluated in float32, then cast.
_FLOAT64: Mapping[str, float] = {
    "imagenet_vit": 1e-6,
    "wmt": 1e-6,
    "librispeech_conformer": 1e-4,
    "librispeech_deepspeech": 1e-4,
}
_PRINTED_DIGITS = 1e-9
# Features of sound are float32 in any case. JAX's Fourier transform rounds otherwise than PyTorch's, and where a single
# ReLU of the first convolution falls to the other side, the gradient of its bias moves by 4e-3 of its norm.
_SPEECH_GRADIENTS_JAX = {"gradient_norm": 1e-3, "gradient_dot": 1e-2}
# Where JAX needs more room in float32 than PyTorch, whose numbers most vectors are.
_FLOAT32_JAX: Mapping[str, Mapping[str, float]] = {
    # Its batch norm takes the difference of two means.
    "imagenet_resnet": {"training": 5e-3, "training_loss": 1e-4},
    "librispeech_conformer": _SPEECH_GRADIENTS_JAX,
    "librispeech_deepspeech": _SPEECH_GRADIENTS_JAX,
    # One of a million inputs of ReLUs on the other side of zero was seen to move one tensor's dot product by 1e-3 and
    # the median one's by 4e-7. In float64 all agree.
    "wmt": {"gradient_norm": 1e-3, "gradient_dot": 5e-3},
}


def float32(base: str, framework: str) -> Tolerances:
    """Limits of a model that computes in float32."""
    more = _FLOAT32_JAX.get(base, {}) if framework == Framework.JAX else {}
    return dataclasses.replace(_FLOAT32[base], **more)


def of_another_function(name: str, framework: str) -> Tolerances | None:
    """Limits where the benchmark's JAX model is known not to be the function of its PyTorch one; None elsewhere.

    The Conformer with GELU takes the exact one in PyTorch's convolution modules, and the approximation by tanh in JAX.
    """
    if (name, framework) != ("librispeech_conformer_gelu", Framework.JAX):
        return None
    return Tolerances(
        evaluation=1e-2,
        training=1e-2,
        gradient_norm=2e-2,
        gradient_dot=2e-2,
        evaluation_loss=1e-4,
        training_loss=1e-4,
        statistics=1e-3,
    )


def float64(base: str, framework: str) -> Tolerances:
    """Limits of a model that computes in float64; losses and gradients are recorded with ten digits."""
    exact = _FLOAT64.get(base, 1e-10)
    coarse = max(exact, _PRINTED_DIGITS)
    limits = Tolerances(
        evaluation=exact,
        training=exact,
        gradient_norm=coarse,
        gradient_dot=coarse,
        evaluation_loss=coarse,
        training_loss=coarse,
    )
    if base.startswith("librispeech") and framework == Framework.JAX:
        return dataclasses.replace(limits, **_SPEECH_GRADIENTS_JAX)
    return limits
