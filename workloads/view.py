"""The workload as a submission sees it: the API's members and nothing else."""

from __future__ import annotations

from typing import Any

from workloads.api import WORKLOAD_MEMBERS
from workloads.placement import Placement, Unchanged


class WorkloadView:
    """Passes on `WORKLOAD_MEMBERS` of a workload and refuses every other name.

    Equality and hash are those of identity, so a view can be a static argument of `jax.jit`.
    """

    metrics_logger = None  # logging on the scored clock only costs time

    def __init__(self, workload: Any, placement: Placement | None = None, dropout_rate: float | None = None) -> None:
        """
        Args:
            placement: how `init_model_fn` hands out a model; default: as the workload makes it.
            dropout_rate: built into the model, as in the older generations; a rate that `model_fn` is called with
                counts for that call.
        """
        models = _Models(workload, placement or Unchanged(), dropout_rate)

        def member(name: str) -> Any:
            if name in ("init_model_fn", "model_fn"):
                return getattr(models, name)
            if name in WORKLOAD_MEMBERS:
                return getattr(workload, name)
            raise AttributeError(f"workload.{name} is not part of the AlgoPerf API")

        object.__setattr__(self, "_member", member)

    def __getattr__(self, name: str) -> Any:
        # Only called for names that normal lookup does not find. "_member" itself is absent while unpickling.
        if name == "_member":
            raise AttributeError(name)
        return self._member(name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"workload.{name} cannot be set: submissions do not change a workload")

    def __dir__(self) -> list[str]:
        return sorted(WORKLOAD_MEMBERS)

    def __repr__(self) -> str:
        return "<workload>"


class _Models:
    """The two members that differ between the generations of the API."""

    def __init__(self, workload: Any, placement: Placement, dropout_rate: float | None) -> None:
        self._workload = workload
        self._placement = placement
        self._dropout_rate = dropout_rate

    def init_model_fn(
        self, rng: Any, dropout_rate: float | None = None, aux_dropout_rate: float | None = None
    ) -> tuple[Any, Any]:
        """A fresh model, placed like the first one. A rate, as the oldest generation gives it, stays from here on; the
        second one has no effect."""
        if dropout_rate is not None:
            self._dropout_rate = dropout_rate
        return self._placement.model(*self._workload.init_model_fn(rng))

    def model_fn(self, *arguments: Any, **options: Any) -> tuple[Any, Any]:
        """The workload's forward pass, with the rate that is built in."""
        if self._dropout_rate is not None:
            options.setdefault("dropout_rate", self._dropout_rate)
        return self._workload.model_fn(*arguments, **options)
