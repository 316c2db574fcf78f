"""ResNet-50 on ImageNet, and the variants that change its model. Sizes, targets and budgets of v0.6."""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

IMAGENET_RESNET = Workload(
    name="imagenet_resnet",
    base="imagenet_resnet",
    dataset="imagenet",
    data={
        "image_shape": (224, 224, 3),
        "mean": (0.485 * 255, 0.456 * 255, 0.406 * 255),  # pixels are 0 to 255
        "stddev": (0.229 * 255, 0.224 * 255, 0.225 * 255),
    },
    model={
        "stage_sizes": (3, 4, 6, 3),  # bottlenecks; the width doubles from stage to stage
        "width": 64,
        "classes": 1000,
        "stem": {"kernel": 7, "stride": 2, "pool": True},
        "activation": "relu",
        "last_scale": 0.0,  # initial scale of each bottleneck's last batch norm
        "symmetric_padding": False,  # True: JAX pads its 3x3 stride-2 convolutions as PyTorch does
    },
    loss_type="SOFTMAX_CROSS_ENTROPY",
    metric=Metric(name="accuracy", higher_is_better=True),
    target=Target(validation=1 - 0.22569, test=1 - 0.3440),
    max_runtime_s=66_159,
    eval_period_s=510,
    step_hint=195_999,
    batch_size=1024,
    eval_batch_size=1024,
    num_train_examples=1_281_167,
    num_eval_train_examples=50_176,
    num_validation_examples=50_000,
    num_test_examples=10_000,
)
IMAGENET_RESNET_SILU = IMAGENET_RESNET.variant(
    "silu", model={"activation": "silu"}, target=Target(validation=0.75445, test=0.6323), batch_size=512
)
IMAGENET_RESNET_GELU = IMAGENET_RESNET.variant(
    "gelu", model={"activation": "gelu"}, target=Target(validation=0.76765, test=0.6519), batch_size=512
)
IMAGENET_RESNET_LARGE_BN_INIT = IMAGENET_RESNET.variant(
    "large_bn_init", model={"last_scale": 8.0}, target=Target(validation=0.76526, test=0.6423)
)

BASE = IMAGENET_RESNET
VARIANTS = (IMAGENET_RESNET_SILU, IMAGENET_RESNET_GELU, IMAGENET_RESNET_LARGE_BN_INIT)
