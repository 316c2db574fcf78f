"""The few things a loop has to ask of JAX or PyTorch themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from workloads.decoding import prefetched
from workloads.spec import Framework

_configured: Framework | None = None


def configured() -> Framework:
    """The framework of this process; before `configure`, the one that has been imported."""
    if _configured is not None:
        return _configured
    return Framework.JAX if "jax" in sys.modules else Framework.PYTORCH


def configure(framework: str) -> None:
    """Imports the framework and sets what the benchmark fixes. Call before anything else touches it."""
    global _configured
    if framework == Framework.JAX:
        import jax

        jax.config.update("jax_default_prng_impl", "threefry2x32")
        jax.config.update("jax_threefry_partitionable", True)
    elif framework == Framework.PYTORCH:
        import torch  # noqa: F401  the import itself is the slow part, and happens before any clock runs
    else:
        raise ValueError(f"framework {framework!r} is unknown; it is jax or pytorch")
    _configured = Framework(framework)


def device_count(framework: str) -> int:
    """How many devices share a batch: all that are visible. `ALGOPERF_DEVICES` makes PyTorch use so many CPU processes,
    as XLA's own flag makes JAX see so many CPU devices."""
    if framework == Framework.JAX:
        import jax

        return jax.device_count()
    import torch

    return torch.cuda.device_count() or int(os.environ.get("ALGOPERF_DEVICES", "1"))


def has_accelerator(framework: str) -> bool:
    """True when steps are computed elsewhere than on the cores that make batches."""
    if framework == Framework.JAX:
        import jax

        return jax.default_backend() != "cpu"
    import torch

    return torch.cuda.is_available()


def ahead_of_steps(framework: str, batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches, made by a thread while an accelerator computes; where the cores train themselves, as before."""
    return prefetched(batches, ahead=2) if has_accelerator(framework) else batches


def block_until_ready(framework: str, state: Any) -> None:
    """Returns when the device has computed every array in `state`, so that a clock read next is honest."""
    if framework == Framework.JAX:
        import jax

        arrays = [leaf for leaf in jax.tree_util.tree_leaves(state) if isinstance(leaf, jax.Array)]
        # A submission may have donated or deleted arrays that it still carries around.
        jax.block_until_ready([array for array in arrays if not array.is_deleted()])
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
