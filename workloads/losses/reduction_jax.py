"""What every loss says of a batch, in JAX."""

from __future__ import annotations

from typing import Any

import jax


def masked_sum(per_example: jax.Array, mask: jax.Array | None) -> dict[str, Any]:
    """`summed` and `per_example` times the mask, and the sum of the mask, or the number of entries without one."""
    valid: Any = per_example.size
    if mask is not None:
        per_example, valid = per_example * mask, mask.sum()
    return {"summed": per_example.sum(), "n_valid_examples": valid, "per_example": per_example}
