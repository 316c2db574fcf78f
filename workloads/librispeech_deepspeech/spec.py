"""DeepSpeech on read speech, and the variants that change its model. Sizes, targets and budgets of v0.6."""

from __future__ import annotations

from workloads.spec import Metric, Target, Workload

LIBRISPEECH_DEEPSPEECH = Workload(
    name="librispeech_deepspeech",
    base="librispeech_deepspeech",
    dataset="librispeech",
    data={"max_samples": 320_000, "max_targets": 256, "sample_rate": 16_000},
    model={
        "vocabulary": 1024,
        "encoder_dim": 512,
        "lstm_layers": 6,
        "feed_forward_layers": 3,
        "activation": "relu",
        "residual": True,  # shortcuts around the recurrent and the feed-forward modules
        "layer_norm": False,  # instead of every batch norm
        "output_norm": True,  # a layer norm before the output projection
        "frequency_masks": 2,
        "time_masks": 10,
        "fixed_dropout_jax": 0.1,  # JAX has this rate in the feed-forward modules, whatever is asked for
    },
    loss_type="CTC_LOSS",
    metric=Metric(name="wer", higher_is_better=False),
    target=Target(validation=0.119936, test=0.074143),
    max_runtime_s=44_405,
    eval_period_s=1_440,
    step_hint=38_400,
    batch_size=256,
    eval_batch_size=256,
    num_train_examples=263_840,
    num_eval_train_examples=5_376,
    num_validation_examples=5_348,
    num_test_examples=2_472,
)
LIBRISPEECH_DEEPSPEECH_TANH = LIBRISPEECH_DEEPSPEECH.variant(
    "tanh", model={"activation": "tanh"}, target=Target(validation=0.150883, test=0.098613)
)
LIBRISPEECH_DEEPSPEECH_NO_RESNET = LIBRISPEECH_DEEPSPEECH.variant(
    "no_resnet",
    model={"residual": False, "fixed_dropout_jax": None},
    target=Target(validation=0.131564, test=0.079297),
)
LIBRISPEECH_DEEPSPEECH_NORM_AND_SPEC_AUG = LIBRISPEECH_DEEPSPEECH.variant(
    "norm_and_spec_aug",
    model={"layer_norm": True, "output_norm": False, "frequency_masks": 4, "time_masks": 15},
    target=Target(validation=0.14342, test=0.090976),
    eval_batch_size=128,
)

BASE = LIBRISPEECH_DEEPSPEECH
VARIANTS = (
    LIBRISPEECH_DEEPSPEECH_TANH,
    LIBRISPEECH_DEEPSPEECH_NO_RESNET,
    LIBRISPEECH_DEEPSPEECH_NORM_AND_SPEC_AUG,
)
