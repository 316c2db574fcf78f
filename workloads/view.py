"""The workload as a submission sees it: the API's members and nothing else."""

from __future__ import annotations

from typing import Any

from workloads.api import WORKLOAD_MEMBERS


class WorkloadView:
    """Passes on `WORKLOAD_MEMBERS` of a workload and refuses every other name.

    Equality and hash are those of identity, so a view can be a static argument of `jax.jit`.
    """

    metrics_logger = None  # logging on the scored clock only costs time

    def __init__(self, workload: Any) -> None:
        def member(name: str) -> Any:
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
