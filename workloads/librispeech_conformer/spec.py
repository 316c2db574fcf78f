"""A Conformer on read speech, and the variants that change its model. Sizes, targets and budgets of v0.6."""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

LIBRISPEECH_CONFORMER = Workload(
    name="librispeech_conformer",
    base="librispeech_conformer",
    dataset="librispeech",
    data={"max_samples": 320_000, "max_targets": 256, "sample_rate": 16_000},
    model={
        "vocabulary": 1024,
        "encoder_dim": 512,
        "heads": 8,
        "depth": 4,
        "feed_forward_factor": 4,
        "kernel": 5,  # of the depthwise convolution
        "activation": "swish",
        "attention_temperature": 1.0,  # multiplies what attention puts out, in spite of its name
        "closing_norm": True,  # a layer norm at the end of each block
        "frequency_masks": 2,
        "time_masks": 10,
    },
    loss_type="CTC_LOSS",
    metric=Metric(name="wer", higher_is_better=False),
    target=Target(validation=0.085884, test=0.052981),
    max_runtime_s=58_015,
    eval_period_s=1_440,
    step_hint=76_000,
    batch_size=256,
    eval_batch_size=256,
    num_train_examples=263_840,
    num_eval_train_examples=5_376,
    num_validation_examples=5_348,
    num_test_examples=2_472,
)
LIBRISPEECH_CONFORMER_ATTENTION_TEMPERATURE = LIBRISPEECH_CONFORMER.variant(
    "attention_temperature",
    model={"attention_temperature": 1.6},
    target=Target(validation=0.109977, test=0.068065),
)
LIBRISPEECH_CONFORMER_LAYERNORM = LIBRISPEECH_CONFORMER.variant(
    "layernorm", model={"closing_norm": False}, target=Target(validation=0.09731, test=0.05996)
)
LIBRISPEECH_CONFORMER_GELU = LIBRISPEECH_CONFORMER.variant(
    "gelu", model={"activation": "gelu"}, target=Target(validation=0.094114, test=0.056629)
)

BASE = LIBRISPEECH_CONFORMER
VARIANTS = (
    LIBRISPEECH_CONFORMER_ATTENTION_TEMPERATURE,
    LIBRISPEECH_CONFORMER_LAYERNORM,
    LIBRISPEECH_CONFORMER_GELU,
)
