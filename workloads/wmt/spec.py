"""A Transformer that translates German into English, and the variants that change its model.

Sizes, targets and budgets of v0.6.
"""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

WMT = Workload(
    name="wmt",
    base="wmt",
    dataset="wmt",
    data={"max_length": 256},
    model={
        "vocabulary": 32_000,
        "width": 1024,
        "heads": 16,
        "depth": 6,  # of the encoder, and of the decoder
        "mlp_dim": 1024,
        "max_length": 256,
        "activation": "relu",
        "gated": False,  # a gate on the input of each feed-forward block
        "post_norm": False,  # layer norm after each residual addition
        "attention_temperature": 1.0,  # multiplies the queries
    },
    loss_type="SOFTMAX_CROSS_ENTROPY",
    metric=Metric(name="bleu", higher_is_better=True),
    target=Target(validation=30.8491, test=30.7219),
    max_runtime_s=43_336,
    eval_period_s=840,
    step_hint=120_000,
    batch_size=128,
    eval_batch_size=128,
    num_train_examples=5_906_184,
    num_eval_train_examples=3_072,
    num_validation_examples=3_000,
    num_test_examples=3_003,
)
WMT_POST_LN = WMT.variant("post_ln", model={"post_norm": True}, target=Target(validation=30.0779, test=29.8982))
WMT_ATTENTION_TEMP = WMT.variant(
    "attention_temp", model={"attention_temperature": 4.0}, target=Target(validation=29.3379, test=29.4143)
)
WMT_GLU_TANH = WMT.variant(
    "glu_tanh", model={"activation": "tanh", "gated": True}, target=Target(validation=29.5779, test=29.0515)
)

BASE = WMT
VARIANTS = (WMT_POST_LN, WMT_ATTENTION_TEMP, WMT_GLU_TANH)
