"""ViT-S/16 on ImageNet, and the variants that change its model. Sizes, targets and budgets of v0.6."""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

IMAGENET_VIT = Workload(
    name="imagenet_vit",
    base="imagenet_vit",
    dataset="imagenet",
    data={
        "image_shape": (224, 224, 3),
        "mean": (0.485 * 255, 0.456 * 255, 0.406 * 255),  # pixels are 0 to 255
        "stddev": (0.229 * 255, 0.224 * 255, 0.225 * 255),
        "rand_augment": 2,  # operations per training image
        "mixup": 0.2,  # both parameters of the Beta distribution that mixes training images in pairs
    },
    model={
        "patch": 16,
        "width": 384,
        "depth": 12,
        "mlp_dim": 1536,
        "heads": 6,
        "classes": 1000,
        "gated": False,  # a gate on the hidden vector of each feed-forward block
        "post_norm": False,  # layer norm after each residual addition
        "attention_pooling": False,  # one learned query instead of the mean over tokens
    },
    loss_type="SOFTMAX_CROSS_ENTROPY",
    metric=Metric(name="accuracy", higher_is_better=True),
    target=Target(validation=1 - 0.22691, test=1 - 0.3481),
    max_runtime_s=69_768,
    eval_period_s=420,
    step_hint=167_999,
    batch_size=1024,
    eval_batch_size=2048,
    num_train_examples=1_281_167,
    num_eval_train_examples=51_200,
    num_validation_examples=50_000,
    num_test_examples=10_000,
)
IMAGENET_VIT_GLU = IMAGENET_VIT.variant(
    "glu", model={"gated": True}, target=Target(validation=0.75738, test=0.6359), batch_size=512
)
IMAGENET_VIT_POST_LN = IMAGENET_VIT.variant(
    "post_ln", model={"post_norm": True}, target=Target(validation=0.75312, test=0.6286)
)
IMAGENET_VIT_MAP = IMAGENET_VIT.variant(
    "map", model={"attention_pooling": True}, target=Target(validation=0.77113, test=0.6523)
)

BASE = IMAGENET_VIT
VARIANTS = (IMAGENET_VIT_GLU, IMAGENET_VIT_POST_LN, IMAGENET_VIT_MAP)
