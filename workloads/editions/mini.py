"""The mini edition: the benchmark's families at a size that two CPU cores train in seconds, on small real data.

Model code, losses, metrics and rules are those of the full size; only numbers differ. How targets and budgets were set
is in docs/workloads-mini.md.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from workloads.editions.revision import revision
from workloads.imagenet_resnet.spec import IMAGENET_RESNET
from workloads.ogbg.spec import OGBG
from workloads.spec import Edition, Ruleset, Target

MANIFEST_PATH = Path(__file__).with_name("mini_manifest.json")

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
    target=Target(validation=0.82, test=0.8),
    max_runtime_s=60,
    eval_period_s=4,
    step_hint=1_600,
    batch_size=64,
    eval_batch_size=500,
    num_train_examples=20_000,
    num_eval_train_examples=2_000,
    num_validation_examples=2_000,
    num_test_examples=2_000,
)

# Drug-like molecules; the tasks are functional groups they contain or not.
_OGBG = dataclasses.replace(
    OGBG,
    model={**OGBG.model, "tasks": 40, "latent_dim": 64, "hidden_dims": (64,), "steps": 3},
    target=Target(validation=0.33, test=0.3),
    max_runtime_s=60,
    eval_period_s=4,
    step_hint=1_000,
    batch_size=64,
    eval_batch_size=512,
    num_train_examples=12_000,
    num_eval_train_examples=1_000,
    num_validation_examples=1_000,
    num_test_examples=1_000,
)

WORKLOADS = (_IMAGENET_RESNET, _OGBG)


def manifest() -> dict[str, Any]:
    """The committed record of the data: sources, licences and the hash of every file."""
    document: dict[str, Any] = json.loads(MANIFEST_PATH.read_text())
    return document


EDITION = Edition(
    name="mini",
    revision=revision(manifest(), WORKLOADS),
    title="Mini: two CPU cores, small real data",
    hardware_class="cpu2",
    workloads=WORKLOADS,
    studies={Ruleset.EXTERNAL: 3, Ruleset.SELF_TUNING: 3},
    trials={Ruleset.EXTERNAL: 5, Ruleset.SELF_TUNING: 1},
    budget_factor={Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 1.5},
    rules="documented",
    batch_scale=True,
    publication="self",
    racing=True,
)
