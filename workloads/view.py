"""The workload as a submission sees it: the API's members and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from workloads.api import WORKLOAD_MEMBERS
from workloads.placement import Placement, Unchanged


class WorkloadView:
    """Passes on `WORKLOAD_MEMBERS` of a workload and refuses every other name.

    Equality and hash are those of identity, so a view can be a static argument of `jax.jit`.
    """

    metrics_logger = None  # logging on the scored clock only costs time

    def __init__(
        self, workload: Any, placement: Placement | None = None, dropout_rates: Mapping[str, float] | None = None
    ) -> None:
        """
        Args:
            placement: how `init_model_fn` hands out a model; default: as the workload makes it.
            dropout_rates: rates built into the model, as in the older generations: `dropout_rate` and
                `aux_dropout_rate`. A rate that `model_fn` is called with counts for that call.
        """
        models = _Models(workload, placement or Unchanged(), dict(dropout_rates or {}))

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

    def __init__(self, workload: Any, placement: Placement, rates: dict[str, float]) -> None:
        self._workload = workload
        self._placement = placement
        self._rates = rates
        self._known = frozenset(inspect.signature(workload.model_fn).parameters) if rates else frozenset()

    def init_model_fn(
        self, rng: Any, dropout_rate: float | None = None, aux_dropout_rate: float | None = None
    ) -> tuple[Any, Any]:
        """A fresh model, placed like the first one. Rates, as the oldest generation gives them, stay from here on."""
        given = {"dropout_rate": dropout_rate, "aux_dropout_rate": aux_dropout_rate}
        self._rates |= {name: rate for name, rate in given.items() if rate is not None}
        self._known = frozenset(inspect.signature(self._workload.model_fn).parameters)
        return self._placement.model(*self._workload.init_model_fn(rng))

    def model_fn(self, *arguments: Any, **options: Any) -> tuple[Any, Any]:
        """The workload's forward pass, with the rates that are built in where it has such a rate."""
        built_in = {name: rate for name, rate in self._rates.items() if name in self._known}
        return self._workload.model_fn(*arguments, **{**built_in, **options})
