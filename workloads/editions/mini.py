"""The mini edition: the benchmark's families at a size that two CPU cores train in seconds, on small real data.

Model code, losses, metrics and rules are those of the full size; only numbers differ. How targets and budgets were set
is in docs/workloads-mini.md.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from workloads.criteo1tb.spec import CRITEO1TB, CRITEO1TB_LAYERNORM
from workloads.editions.revision import revision
from workloads.fastmri.spec import FASTMRI, FASTMRI_TANH
from workloads.imagenet_resnet.spec import IMAGENET_RESNET, IMAGENET_RESNET_SILU
from workloads.imagenet_vit.spec import IMAGENET_VIT, IMAGENET_VIT_GLU
from workloads.librispeech_conformer.spec import LIBRISPEECH_CONFORMER, LIBRISPEECH_CONFORMER_GELU
from workloads.librispeech_deepspeech.spec import LIBRISPEECH_DEEPSPEECH, LIBRISPEECH_DEEPSPEECH_TANH
from workloads.ogbg.spec import OGBG, OGBG_GELU
from workloads.spec import Edition, Ruleset, Target, Workload
from workloads.wmt.spec import WMT, WMT_GLU_TANH

MANIFEST_PATH = Path(__file__).with_name("mini_manifest.json")


def _held_out(base: Workload, full: Workload, variant: Workload, target: Target) -> Workload:
    """`base` with the very change that makes the full-size `variant` of its family out of `full`."""
    change = {name: value for name, value in variant.model.items() if value != full.model.get(name)}
    return base.variant(variant.name.removeprefix(f"{full.name}_"), model=change, target=target)


# Was a departure late? The perceptrons are those of the full size, the table is not.
_CRITEO1TB = dataclasses.replace(
    CRITEO1TB,
    model={**CRITEO1TB.model, "table_rows": 10_240},
    target=Target(validation=0.491, test=0.486),
    # A pass over the clicks is over in 4 s, and what comes after it learns them by heart.
    max_runtime_s=24,
    eval_period_s=2,
    step_hint=400,
    batch_size=256,
    eval_batch_size=2_000,
    num_train_examples=64_000,
    num_eval_train_examples=4_000,
    num_validation_examples=6_000,
    num_test_examples=6_000,
)
_CRITEO1TB_LAYERNORM = _held_out(_CRITEO1TB, CRITEO1TB, CRITEO1TB_LAYERNORM, Target(validation=0.508, test=0.494))

# Slices of one head.
_FASTMRI = dataclasses.replace(
    FASTMRI,
    data={"image_shape": (96, 96)},
    model={**FASTMRI.model, "channels": 8, "poolings": 3},
    target=Target(validation=0.722, test=0.741),
    max_runtime_s=72,
    eval_period_s=6,
    step_hint=260,
    batch_size=8,
    eval_batch_size=16,
    num_train_examples=108,
    num_eval_train_examples=18,
    num_validation_examples=16,
    num_test_examples=16,
)
_FASTMRI_TANH = _held_out(_FASTMRI, FASTMRI, FASTMRI_TANH, Target(validation=0.649, test=0.564))

# Clothes in grey, 28 x 28, ten classes.
_IMAGENET_RESNET = dataclasses.replace(
    IMAGENET_RESNET,
    data={"image_shape": (28, 28, 1), "mean": (72.94,), "stddev": (90.02,), "mirror": True},
    model={
        **IMAGENET_RESNET.model,
        "stage_sizes": (1, 1, 1),
        "width": 8,
        "classes": 10,
        "stem": {"kernel": 3, "stride": 2, "pool": False},
        "symmetric_padding": True,
    },
    target=Target(validation=0.875, test=0.891),
    max_runtime_s=72,
    eval_period_s=6,
    step_hint=1_400,
    batch_size=64,
    eval_batch_size=500,
    num_train_examples=8_000,
    num_eval_train_examples=1_000,
    num_validation_examples=1_000,
    num_test_examples=1_000,
)
_IMAGENET_RESNET_SILU = _held_out(
    _IMAGENET_RESNET, IMAGENET_RESNET, IMAGENET_RESNET_SILU, Target(validation=0.883, test=0.884)
)

# The same clothes, mixed in pairs as the full-size batches are.
_IMAGENET_VIT = dataclasses.replace(
    _IMAGENET_RESNET,
    name=IMAGENET_VIT.name,
    base=IMAGENET_VIT.base,
    data={**_IMAGENET_RESNET.data, "mixup": IMAGENET_VIT.data["mixup"]},
    model={**IMAGENET_VIT.model, "patch": 7, "width": 64, "depth": 2, "mlp_dim": 128, "heads": 4, "classes": 10},
    target=Target(validation=0.825, test=0.824),
    step_hint=1_400,
)
_IMAGENET_VIT_GLU = _held_out(_IMAGENET_VIT, IMAGENET_VIT, IMAGENET_VIT_GLU, Target(validation=0.822, test=0.822))

# One to three spoken digits, 1.6 s at most.
_LIBRISPEECH_CONFORMER = dataclasses.replace(
    LIBRISPEECH_CONFORMER,
    data={"max_samples": 26_000, "max_targets": 4, "sample_rate": 16_000},
    model={
        **LIBRISPEECH_CONFORMER.model,
        "vocabulary": 29,
        "encoder_dim": 32,
        "heads": 4,
        "depth": 2,
        "frequency_masks": 0,
        "time_masks": 2,
        "norm_decay": 0.95,
    },
    target=Target(validation=0.0889, test=0.0723),
    max_runtime_s=72,
    eval_period_s=6,
    step_hint=700,
    batch_size=16,
    eval_batch_size=32,
    num_train_examples=4_000,
    num_eval_train_examples=160,
    num_validation_examples=160,
    num_test_examples=160,
)
_LIBRISPEECH_CONFORMER_GELU = _held_out(
    _LIBRISPEECH_CONFORMER, LIBRISPEECH_CONFORMER, LIBRISPEECH_CONFORMER_GELU, Target(validation=0.0514, test=0.0681)
)
_LIBRISPEECH_DEEPSPEECH = dataclasses.replace(
    _LIBRISPEECH_CONFORMER,
    name=LIBRISPEECH_DEEPSPEECH.name,
    base=LIBRISPEECH_DEEPSPEECH.base,
    model={
        **LIBRISPEECH_DEEPSPEECH.model,
        "vocabulary": 29,
        "encoder_dim": 32,
        "lstm_layers": 2,
        "feed_forward_layers": 1,
        "frequency_masks": 0,
        "time_masks": 2,
        "fixed_dropout_jax": None,
        "norm_decay": 0.95,
    },
    target=Target(validation=0.12, test=0.167),
    step_hint=600,
)
_LIBRISPEECH_DEEPSPEECH_TANH = _held_out(
    _LIBRISPEECH_DEEPSPEECH, LIBRISPEECH_DEEPSPEECH, LIBRISPEECH_DEEPSPEECH_TANH, Target(validation=0.15, test=0.185)
)

# Drug-like molecules; the tasks are functional groups they contain or not.
_OGBG = dataclasses.replace(
    OGBG,
    model={**OGBG.model, "tasks": 40, "latent_dim": 64, "hidden_dims": (64,), "steps": 3},
    target=Target(validation=0.634, test=0.643),
    max_runtime_s=72,
    eval_period_s=6,
    step_hint=1_000,
    batch_size=64,
    eval_batch_size=512,
    num_train_examples=6_000,
    num_eval_train_examples=500,
    num_validation_examples=1_000,
    num_test_examples=1_000,
)
_OGBG_GELU = _held_out(_OGBG, OGBG, OGBG_GELU, Target(validation=0.612, test=0.612))

# Short sentences of a help system, German to English.
_WMT = dataclasses.replace(
    WMT,
    data={"max_length": 32},
    model={
        **WMT.model,
        "vocabulary": 1_000,
        "width": 64,
        "heads": 4,
        "depth": 2,
        "mlp_dim": 128,
        "max_length": 32,
    },
    target=Target(validation=12.1, test=16.2),
    max_runtime_s=72,
    eval_period_s=6,
    step_hint=1_600,
    batch_size=16,
    eval_batch_size=112,
    num_train_examples=12_308,
    num_eval_train_examples=112,
    num_validation_examples=112,
    num_test_examples=112,
)
_WMT_GLU_TANH = _held_out(_WMT, WMT, WMT_GLU_TANH, Target(validation=15.8, test=20.3))

WORKLOADS = (
    _CRITEO1TB,
    _FASTMRI,
    _IMAGENET_RESNET,
    _IMAGENET_VIT,
    _LIBRISPEECH_CONFORMER,
    _LIBRISPEECH_DEEPSPEECH,
    _OGBG,
    _WMT,
)
HELD_OUT = (
    _CRITEO1TB_LAYERNORM,
    _FASTMRI_TANH,
    _IMAGENET_RESNET_SILU,
    _IMAGENET_VIT_GLU,
    _LIBRISPEECH_CONFORMER_GELU,
    _LIBRISPEECH_DEEPSPEECH_TANH,
    _OGBG_GELU,
    _WMT_GLU_TANH,
)


def manifest() -> dict[str, Any]:
    """The committed record of the data: sources, licences and the hash of every file."""
    document: dict[str, Any] = json.loads(MANIFEST_PATH.read_text())
    return document


EDITION = Edition(
    name="mini",
    revision=revision(manifest(), (*WORKLOADS, *HELD_OUT)),
    title="Mini: two CPU cores, small real data",
    hardware_class="cpu2",
    workloads=WORKLOADS,
    held_out=HELD_OUT,
    studies={Ruleset.EXTERNAL: 3, Ruleset.SELF_TUNING: 3},
    trials={Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 1},
    budget_factor={Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 1.5},
    rules="documented",
    batch_scale=True,
    publication="self",
    racing=True,
    quick_look=("imagenet_resnet", "ogbg"),
)
