"""A U-Net that restores knee images, and the variants that change its model. Sizes, targets and budgets of v0.6."""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

FASTMRI = Workload(
    name="fastmri",
    base="fastmri",
    dataset="fastmri",
    data={"image_shape": (320, 320)},
    model={
        "channels": 32,  # of the first stage; they double from stage to stage
        "poolings": 4,
        "activation": "leaky_relu",
        "layer_norm": False,  # in the double convolutions, with scale and shift, instead of instance norm
    },
    loss_type="MEAN_ABSOLUTE_ERROR",
    metric=Metric(name="ssim", higher_is_better=True),
    target=Target(validation=0.723653, test=0.740633),
    max_runtime_s=4_430,
    eval_period_s=80,
    step_hint=18_094,
    batch_size=32,
    eval_batch_size=256,
    num_train_examples=34_742,
    num_eval_train_examples=3_584,
    num_validation_examples=3_554,
    num_test_examples=3_581,
)
FASTMRI_MODEL_SIZE = FASTMRI.variant(
    "model_size", model={"channels": 64, "poolings": 3}, target=Target(validation=0.723559, test=0.740726)
)
FASTMRI_TANH = FASTMRI.variant("tanh", model={"activation": "tanh"}, target=Target(validation=0.71784, test=0.734505))
FASTMRI_LAYERNORM = FASTMRI.variant(
    "layernorm", model={"layer_norm": True}, target=Target(validation=0.723284, test=0.739996)
)

BASE = FASTMRI
VARIANTS = (FASTMRI_MODEL_SIZE, FASTMRI_TANH, FASTMRI_LAYERNORM)
