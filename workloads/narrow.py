"""A narrow edition of every workload and variant: the same code, structure and switches, but small enough to compile
and train in seconds. For tests, for comparing the frameworks and for the bench; never for a board.

Only sizes shrink. Whatever a variant changes stays changed: sizes are divided, switches are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from workloads.spec import Workload

STEP_HINT = 40
BATCH_SIZE = 8
EXAMPLES = 24


def narrow(spec: Workload) -> Workload:
    """The narrow twin of a full-size workload or variant, under the same name."""
    data, model = _SHRINK[spec.base](spec.data, spec.model)
    return dataclasses.replace(
        spec,
        data={**spec.data, **data},
        model={**spec.model, **model},
        step_hint=STEP_HINT,
        batch_size=BATCH_SIZE,
        eval_batch_size=BATCH_SIZE,
        num_train_examples=8 * EXAMPLES,
        num_eval_train_examples=EXAMPLES,
        num_validation_examples=EXAMPLES,
        num_test_examples=EXAMPLES,
    )


def shortened(spec: Workload) -> Workload:
    """The full-size model on short inputs and with a short table, so that a few gigabytes hold a gradient."""
    data = {**spec.data, **_SHORTER_DATA.get(spec.dataset, {})}
    model = {**spec.model, "table_rows": 65_536} if "table_rows" in spec.model else spec.model
    return dataclasses.replace(spec, data=data, model=model)


_SHORTER_DATA: Mapping[str, Mapping[str, Any]] = {
    "librispeech": {"max_samples": 80_000, "max_targets": 24},
    "wmt": {"max_length": 64},
}

_Sizes = Mapping[str, Any]
_Shrunk = tuple[dict[str, Any], dict[str, Any]]


def _criteo1tb(data: _Sizes, model: _Sizes) -> _Shrunk:
    return {}, {
        "table_rows": 256,
        "embedding_dim": model["embedding_dim"] // 16,
        "bottom_dims": _divided(model["bottom_dims"], 16),
        "top_dims": _divided(model["top_dims"], 16),
    }


def _fastmri(data: _Sizes, model: _Sizes) -> _Shrunk:
    return {"image_shape": (32, 32)}, {"channels": model["channels"] // 8}


def _imagenet_resnet(data: _Sizes, model: _Sizes) -> _Shrunk:
    return {"image_shape": (32, 32, 3)}, {"stage_sizes": (1, 2), "width": 8, "classes": 10}


def _imagenet_vit(data: _Sizes, model: _Sizes) -> _Shrunk:
    sizes = {"patch": 8, "width": 32, "depth": 2, "mlp_dim": 64, "heads": 4, "classes": 10}
    return {"image_shape": (32, 32, 3)}, sizes


def _librispeech_conformer(data: _Sizes, model: _Sizes) -> _Shrunk:
    return _SHORT_SPEECH, {"vocabulary": 32, "encoder_dim": 32, "heads": 4, "depth": 2}


def _librispeech_deepspeech(data: _Sizes, model: _Sizes) -> _Shrunk:
    return _SHORT_SPEECH, {"vocabulary": 32, "encoder_dim": 32, "lstm_layers": 2, "feed_forward_layers": 2}


def _ogbg(data: _Sizes, model: _Sizes) -> _Shrunk:
    return {}, {
        "tasks": 8,
        "latent_dim": model["latent_dim"] // 8,
        "hidden_dims": _divided(model["hidden_dims"], 8),
        "steps": (model["steps"] + 1) // 2,
    }


def _wmt(data: _Sizes, model: _Sizes) -> _Shrunk:
    sizes = {"vocabulary": 64, "width": 32, "heads": 4, "depth": 2, "mlp_dim": 32, "max_length": 16}
    return {"max_length": 16}, sizes


_SHORT_SPEECH = {"max_samples": 16_000, "max_targets": 8}
_SHRINK: Mapping[str, Callable[[_Sizes, _Sizes], _Shrunk]] = {
    "criteo1tb": _criteo1tb,
    "fastmri": _fastmri,
    "imagenet_resnet": _imagenet_resnet,
    "imagenet_vit": _imagenet_vit,
    "librispeech_conformer": _librispeech_conformer,
    "librispeech_deepspeech": _librispeech_deepspeech,
    "ogbg": _ogbg,
    "wmt": _wmt,
}


def _divided(sizes: tuple[int, ...], factor: int) -> tuple[int, ...]:
    return tuple(max(1, size // factor) for size in sizes)
