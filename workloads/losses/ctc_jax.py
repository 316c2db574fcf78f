"""Connectionist temporal classification, in JAX.

Source: Graves et al. 2006, "Connectionist temporal classification".
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

Sequences = tuple[jax.Array, jax.Array]


def ctc(labels: Sequences, logits: Sequences, mask: jax.Array | None) -> dict[str, Any]:
    """`summed`, `n_valid_examples` (label tokens that count, at least 1) and `per_example` losses (B,).

    A label that needs more frames than there are costs about 1e5; PyTorch says infinitely much. What the benchmark
    makes of a mask differs between its frameworks, and its training batches have none; here it weighs utterances.

    Args:
        labels: tokens (B, tokens), of any type, and their paddings; token 0 is the blank and never a label.
        logits: (B, frames, tokens of the vocabulary), and their paddings (B, frames).
        mask: (B,) weights of the utterances.
    """
    (tokens, label_paddings), (scores, paddings) = labels, logits
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    per_example = optax.ctc_loss(scores, paddings, tokens.astype(jnp.int32), label_paddings, blank_id=0)
    valid = jnp.sum(1 - label_paddings, axis=-1)
    if mask is not None:
        per_example, valid = jnp.where(mask > 0, per_example * mask, 0), valid * (mask > 0)
    return {
        "summed": per_example.sum(),
        "n_valid_examples": jnp.maximum(valid.sum(), 1),
        "per_example": per_example,
    }
