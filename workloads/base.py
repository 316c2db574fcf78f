"""The half of a workload that is the same in both frameworks: its numbers, as a submission may read them.

Loads without torch or jax. Source: AlgoPerf protocol, `Workload` interface (v0.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workloads.api import LossType, ParameterType
from workloads.spec import Framework, Metric, Workload


class BaseWorkload:
    """What of the submission API follows from the spec alone. Equal only to itself, so JAX may take it as static."""

    framework: Framework

    def __init__(self, spec: Workload) -> None:
        self.spec = spec
        self.metrics_logger: Any = None
        self._param_shapes: Any = None
        self._param_types: Any = None

    # --- targets ---

    @property
    def metric(self) -> Metric:
        return self.spec.metric

    @property
    def target_metric_name(self) -> str:
        return self.spec.metric.name

    @property
    def validation_target_value(self) -> float:
        return self.spec.target.validation

    @property
    def test_target_value(self) -> float | None:
        return self.spec.target.test

    def has_reached_validation_target(self, eval_result: Mapping[str, float]) -> bool:
        """True at or past the target, as the judge decides it."""
        value = eval_result.get(f"validation/{self.spec.metric.name}")
        return self.spec.metric.reaches(value, self.spec.target.validation)

    def has_reached_test_target(self, eval_result: Mapping[str, float]) -> bool:
        """True at or past the target, and always where the workload has no test split."""
        if self.spec.target.test is None:
            return True
        return self.spec.metric.reaches(eval_result.get(f"test/{self.spec.metric.name}"), self.spec.target.test)

    # --- sizes and budgets ---

    @property
    def loss_type(self) -> LossType:
        return LossType[self.spec.loss_type]

    @property
    def num_train_examples(self) -> int:
        return self.spec.num_train_examples

    @property
    def num_eval_train_examples(self) -> int:
        return self.spec.num_eval_train_examples

    @property
    def num_validation_examples(self) -> int:
        return self.spec.num_validation_examples

    @property
    def num_test_examples(self) -> int | None:
        return self.spec.num_test_examples

    @property
    def eval_batch_size(self) -> int:
        return self.spec.eval_batch_size

    @property
    def max_allowed_runtime_sec(self) -> int:
        """Budget of external tuning, in seconds of the scored clock."""
        return int(self.spec.max_runtime_s)

    @property
    def eval_period_time_sec(self) -> int:
        return int(self.spec.eval_period_s)

    @property
    def step_hint(self) -> int:
        return self.spec.step_hint

    @property
    def train_mean(self) -> Any:
        """Per-channel mean of the training images; NotImplementedError where there are no images."""
        return self._image_statistic("mean")

    @property
    def train_stddev(self) -> Any:
        return self._image_statistic("stddev")

    # --- parameters ---

    @property
    def param_shapes(self) -> Any:
        """A `ShapeTuple` for every parameter, in the structure of the parameters; ValueError before `init_model_fn`."""
        if self._param_shapes is None:
            raise ValueError("param_shapes is known after init_model_fn has run")
        return self._param_shapes

    @property
    def model_params_types(self) -> Any:
        """A `ParameterType` for every parameter, in the structure of the parameters."""
        if self._param_types is None:
            raise ValueError("model_params_types is known after init_model_fn has run")
        return self._param_types

    def attach_metrics_logger(self, metrics_logger: Any) -> None:
        self.metrics_logger = metrics_logger

    def _image_statistic(self, name: str) -> Any:
        if name not in self.spec.data:
            raise NotImplementedError(f"this workload has no {name} of training images")
        return self.spec.data[name]


def parameter_type(parent: str, name: str) -> ParameterType:
    """The kind of a parameter, guessed from lower-case names as the benchmark does.

    Args:
        parent: names of the modules around it, separated by dots or slashes.
        name: its own name: kernel, weight, scale, embedding or bias.
    Source: AlgoPerf protocol, "Parameter kinds"; checked against its parameter tables.
    """
    is_bias = "bias" in name
    if "batchnorm" in parent or "bn" in parent:
        return ParameterType.BATCH_NORM_BIAS if is_bias else ParameterType.BATCH_NORM_SCALE
    if "norm" in parent or "ln" in parent:
        return ParameterType.LAYER_NORM_BIAS if is_bias else ParameterType.LAYER_NORM_SCALE
    if "conv" in parent:
        return ParameterType.BIAS if is_bias else ParameterType.CONV_WEIGHT
    if "attn" in parent or "attention" in parent:
        return _attention_type(parent.replace("/", ".").rpartition(".")[2], name)
    if is_bias:
        return ParameterType.BIAS
    if "embed" in parent or name in ("embedding", "embedding_table"):
        return ParameterType.EMBEDDING
    return ParameterType.WEIGHT


# The first name that occurs in the module's wins: "kv_proj" contains "v_proj".
_ATTENTION_KINDS = (
    ("in_proj", ParameterType.ATTENTION_QKV),
    ("kv_proj", ParameterType.ATTENTION_KV),
    ("k_proj", ParameterType.ATTENTION_K),
    ("key", ParameterType.ATTENTION_K),
    ("q_proj", ParameterType.ATTENTION_Q),
    ("query", ParameterType.ATTENTION_Q),
    ("v_proj", ParameterType.ATTENTION_V),
    ("value", ParameterType.ATTENTION_V),
    ("out", ParameterType.ATTENTION_OUT),
)


def _attention_type(module: str, name: str) -> ParameterType:
    if "bias" in name:
        return ParameterType.ATTENTION_BIAS
    if "scale" in name:
        return ParameterType.WEIGHT
    return next((kind for part, kind in _ATTENTION_KINDS if part in module), ParameterType.WEIGHT)
