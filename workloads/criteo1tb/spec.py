"""A small DLRM on a terabyte of clicks, and the variants that change its model. Sizes, targets and budgets of v0.6."""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

CRITEO1TB = Workload(
    name="criteo1tb",
    base="criteo1tb",
    dataset="criteo1tb",
    data={"dense_features": 13, "categorical_features": 26},
    model={
        "table_rows": 4_194_304,  # one table for all categorical features; ids are taken modulo its rows
        "embedding_dim": 128,
        "bottom_dims": (512, 256, 128),
        "top_dims": (1024, 1024, 512, 256, 1),
        "layer_norm": False,  # after every hidden layer and after the table
        "residual": False,  # shortcuts around hidden layers, no interaction of features
        "embedding_init": None,  # initial entries are uniform in [0, this); None: one over the root of the rows
    },
    loss_type="SIGMOID_CROSS_ENTROPY",
    metric=Metric(name="loss", higher_is_better=False),
    target=Target(validation=0.123735, test=0.126041),
    max_runtime_s=7_703,
    eval_period_s=120,
    step_hint=10_666,
    batch_size=262_144,
    eval_batch_size=131_072,  # of JAX; PyTorch takes 8,192 at a time (model_torch)
    num_train_examples=4_195_197_692,
    num_eval_train_examples=83_361_792,
    num_validation_examples=83_274_637,
    num_test_examples=95_000_000,
)
CRITEO1TB_LAYERNORM = CRITEO1TB.variant(
    "layernorm", model={"layer_norm": True}, target=Target(validation=0.123757, test=0.126152)
)
CRITEO1TB_EMBED_INIT = CRITEO1TB.variant(
    "embed_init", model={"embedding_init": 1.0}, target=Target(validation=0.129657, test=0.131967)
)
CRITEO1TB_RESNET = CRITEO1TB.variant(
    "resnet",
    model={"residual": True, "bottom_dims": (256, 256, 256), "top_dims": (256, 256, 256, 256, 1)},
    target=Target(validation=0.12415, test=0.12648),
)

BASE = CRITEO1TB
VARIANTS = (CRITEO1TB_LAYERNORM, CRITEO1TB_EMBED_INIT, CRITEO1TB_RESNET)
