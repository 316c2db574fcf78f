"""Flax layers of the benchmark."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
from flax.linen import summary

from workloads.jax_base import dropout


class Dropout(nn.Module):
    """Dropout whose rate is an argument of the call and may be traced."""

    rate: float | jax.Array | None = None
    deterministic: bool | None = None
    rng_collection: str = "dropout"

    @nn.compact
    def __call__(
        self, inputs: jax.Array, deterministic: bool | None = None, rate: Any = None, rng: jax.Array | None = None
    ) -> jax.Array:
        still = nn.merge_param("deterministic", self.deterministic, deterministic)
        chosen: Any = self.rate if rate is None else rate
        if still:
            return inputs
        return dropout(inputs, chosen, self.make_rng(self.rng_collection) if rng is None else rng)


def print_jax_model_summary(model: nn.Module, fake_inputs: Any) -> None:
    """Prints the layers of a flax model and their shapes."""
    keys = {"params": jax.random.PRNGKey(0), "dropout": jax.random.PRNGKey(1)}
    print(summary.tabulate(model, keys)(fake_inputs))
