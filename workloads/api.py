"""The submission API: types, enums, random keys and search spaces that a training algorithm meets.

Loads without torch or jax. Names and enum values are the benchmark's; a submission sees them as `algoperf.spec`.
Source: AlgoPerf protocol reference, section 1.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Union

from workloads.random_keys import TrialKeys, fold_in, prng_key, split, trial_keys
from workloads.search_space import SearchSpace, SearchSpaceError, parse_search_space, sample

__all__ = [
    "SUBMISSION_FUNCTIONS",
    "WORKLOAD_MEMBERS",
    "DataSelectionFn",
    "ForwardPassMode",
    "GraphsTuple",
    "Hyperparameters",
    "InitOptimizerFn",
    "LossType",
    "ModelAuxiliaryState",
    "ModelInitState",
    "OptimizerState",
    "ParameterContainer",
    "ParameterKey",
    "ParameterShapeTree",
    "ParameterType",
    "ParameterTypeTree",
    "PrepareForEvalFn",
    "RandomState",
    "SearchSpace",
    "SearchSpaceError",
    "Shape",
    "ShapeTuple",
    "Steps",
    "Tensor",
    "Timing",
    "TrainingCompleteError",
    "TrialKeys",
    "UpdateParamsFn",
    "UpdateReturn",
    "Workload",
    "fold_in",
    "parse_search_space",
    "prng_key",
    "sample",
    "split",
    "trial_keys",
]


class LossType(enum.Enum):
    """Which loss a workload is trained with. Values are part of the contract: submissions may pickle them."""

    SOFTMAX_CROSS_ENTROPY = 0
    SIGMOID_CROSS_ENTROPY = 1
    MEAN_SQUARED_ERROR = 2
    CTC_LOSS = 3
    MEAN_ABSOLUTE_ERROR = 4


class ForwardPassMode(enum.Enum):
    """What a forward pass is for."""

    TRAIN = 0
    EVAL = 1


class ParameterType(enum.Enum):
    """What a parameter array is in its model."""

    WEIGHT = 0
    BIAS = 1
    CONV_WEIGHT = 2
    BATCH_NORM_SCALE = 3
    BATCH_NORM_BIAS = 4
    LAYER_NORM_SCALE = 5
    LAYER_NORM_BIAS = 6
    EMBEDDING = 7
    ATTENTION_Q = 8
    ATTENTION_K = 9
    ATTENTION_V = 10
    ATTENTION_OUT = 11
    ATTENTION_QKV = 12
    ATTENTION_KV = 13
    ATTENTION_BIAS = 14


class ShapeTuple:
    """A shape as one leaf: JAX's tree functions would walk into a bare tuple. Equal by value, not hashable."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape_tuple: tuple[int, ...]) -> None:
        self.shape_tuple = shape_tuple

    def __repr__(self) -> str:
        return f"ShapeTuple({self.shape_tuple})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShapeTuple) and self.shape_tuple == other.shape_tuple


class TrainingCompleteError(Exception):
    """Raised by `update_params` to say that it has nothing left to do: one last evaluation, then the end."""


class GraphsTuple(NamedTuple):
    """A batch of graphs as flat arrays, with the field order of `jraph.GraphsTuple`; a pytree in JAX.

    nodes (num_nodes, features), edges (num_edges, features), receivers and senders (num_edges,), globals or None,
    n_node and n_edge (num_graphs,). Graphs that only pad the batch come last.
    """

    nodes: Any
    edges: Any
    receivers: Any
    senders: Any
    globals: Any
    n_node: Any
    n_edge: Any


# Aliases for annotations. They are evaluated when a submission's functions are defined, so every name must exist.
Tensor = Any
Shape = Union[tuple[int], tuple[int, int], tuple[int, int, int], tuple[int, int, int, int], ShapeTuple]  # noqa: UP007
ParameterShapeTree = dict[str, dict[str, Shape]]
ParameterKey = str
ParameterContainer = Any  # nested dicts of arrays in JAX, a torch.nn.Module in PyTorch
ParameterTypeTree = dict[ParameterKey, dict[ParameterKey, ParameterType]]
RandomState = Any
OptimizerState = Union[dict[str, Any], tuple[Any, Any]]  # noqa: UP007
Hyperparameters = Any  # a namedtuple under external tuning, None under self-tuning
Timing = int
Steps = int
ModelAuxiliaryState = Any
ModelInitState = tuple[ParameterContainer, ModelAuxiliaryState]
UpdateReturn = tuple[OptimizerState, ParameterContainer, ModelAuxiliaryState]
InitOptimizerFn = Callable[..., OptimizerState]
UpdateParamsFn = Callable[..., UpdateReturn]
PrepareForEvalFn = Callable[..., UpdateReturn]
DataSelectionFn = Callable[..., Any]


class Workload(Protocol):
    """What a submission may use of a workload, and nothing else; `WORKLOAD_MEMBERS` are its names.

    PyTorch parameters are a `torch.nn.Module` whose state lives inside, so `model_state` is None there.
    """

    metrics_logger: Any  # always None: submissions must not log on the scored clock

    @property
    def step_hint(self) -> int: ...
    @property
    def loss_type(self) -> LossType: ...
    @property
    def target_metric_name(self) -> str: ...
    @property
    def validation_target_value(self) -> float: ...
    @property
    def test_target_value(self) -> float | None: ...
    @property
    def max_allowed_runtime_sec(self) -> int: ...
    @property
    def eval_period_time_sec(self) -> int: ...
    @property
    def eval_batch_size(self) -> int: ...
    @property
    def num_train_examples(self) -> int: ...
    @property
    def num_eval_train_examples(self) -> int: ...
    @property
    def num_validation_examples(self) -> int: ...
    @property
    def num_test_examples(self) -> int | None: ...
    @property
    def train_mean(self) -> Any: ...
    @property
    def train_stddev(self) -> Any: ...
    @property
    def param_shapes(self) -> Any: ...
    @property
    def model_params_types(self) -> Any: ...

    def has_reached_validation_target(self, eval_result: dict[str, float]) -> bool: ...

    def has_reached_test_target(self, eval_result: dict[str, float]) -> bool: ...

    def is_output_params(self, param_key: ParameterKey) -> bool: ...

    def init_model_fn(self, rng: RandomState) -> ModelInitState: ...

    def model_fn(
        self,
        params: ParameterContainer,
        augmented_and_preprocessed_input_batch: dict[str, Tensor],
        model_state: ModelAuxiliaryState,
        mode: ForwardPassMode,
        rng: RandomState,
        update_batch_norm: bool,
        dropout_rate: float = ...,
    ) -> tuple[Tensor, ModelAuxiliaryState]: ...

    def loss_fn(
        self,
        label_batch: Any,
        logits_batch: Any,
        mask_batch: Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> dict[str, Tensor]: ...

    def output_activation_fn(self, logits_batch: Tensor, framework: str) -> Tensor: ...


WORKLOAD_MEMBERS = frozenset(
    name for name in {**Workload.__annotations__, **vars(Workload)} if not name.startswith("_")
)

# name -> parameters in order; only prepare_for_eval may be missing.
SUBMISSION_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "get_batch_size": ("workload_name",),
    "init_optimizer_state": ("workload", "model_params", "model_state", "hyperparameters", "rng"),
    "data_selection": (
        "workload",
        "input_queue",
        "optimizer_state",
        "current_param_container",
        "model_state",
        "hyperparameters",
        "global_step",
        "rng",
    ),
    "update_params": (
        "workload",
        "current_param_container",
        "current_params_types",
        "model_state",
        "hyperparameters",
        "batch",
        "loss_type",
        "optimizer_state",
        "eval_results",
        "global_step",
        "rng",
        "train_state",
    ),
    "prepare_for_eval": (
        "workload",
        "current_param_container",
        "current_params_types",
        "model_state",
        "hyperparameters",
        "loss_type",
        "optimizer_state",
        "eval_results",
        "global_step",
        "rng",
    ),
}
