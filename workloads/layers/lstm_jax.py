"""A bidirectional LSTM layer over sequences of different lengths, in JAX.

Source: Hochreiter and Schmidhuber 1997, with a forget gate; parameters are laid out as in the benchmark's tables.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

_GATES = "ifgo"  # input, forget, cell, output


class LSTM(nn.Module):
    """`units` numbers per frame and direction, one beside the other; frames that only pad come out as 0.

    Backwards starts at the last frame that counts, because the state stays 0 up to there. Both directions take their
    steps together, and what does not depend on the step before is computed for all frames at once.
    """

    units: int

    @nn.compact
    def __call__(self, x: jax.Array, padded: jax.Array) -> jax.Array:
        """(B, frames, features), and true where a frame pads, (B, frames), to (B, frames, 2 * units)."""
        parameters = self.param("LSTM", _initial, x.shape[-1], self.units)
        kernels, recurrent, biases = (_stacked(parameters, part) for part in ("i/kernel", "h/kernel", "h/bias"))
        directions = jnp.stack([x, jnp.flip(x, axis=1)])  # (2, B, frames, features)
        gates = jnp.einsum("dbtf,dfg->tdbg", directions, kernels) + biases[:, jnp.newaxis]
        valid = ~jnp.stack([padded, jnp.flip(padded, axis=1)])  # (2, B, frames)
        valid = jnp.moveaxis(valid, -1, 0)[..., jnp.newaxis]  # (frames, 2, B, 1)

        def step(state: tuple[jax.Array, jax.Array], frame: Any) -> tuple[Any, jax.Array]:
            hidden, memory = state  # (2, B, units)
            given, counts = frame
            summed = given + jnp.einsum("dbu,dug->dbg", hidden, recurrent)
            opened, kept, candidate, shown = jnp.split(summed, 4, axis=-1)
            new_memory = nn.sigmoid(kept) * memory + nn.sigmoid(opened) * jnp.tanh(candidate)
            new_hidden = nn.sigmoid(shown) * jnp.tanh(new_memory)
            state = jnp.where(counts, new_hidden, hidden), jnp.where(counts, new_memory, memory)
            return state, jnp.where(counts, new_hidden, 0)

        nothing = jnp.zeros((2, len(x), self.units), gates.dtype)
        _, hidden = jax.lax.scan(step, (nothing, nothing), (gates, valid))  # (frames, 2, B, units)
        both = jnp.concatenate([hidden[:, 0], jnp.flip(hidden[:, 1], axis=0)], axis=-1)
        return both.swapaxes(0, 1)


def _initial(rng: jax.Array, features: int, units: int) -> dict[str, Any]:
    """The two directions' cells: a kernel per gate for what comes in, and one with a bias for the state before."""
    kernel, recurrent = nn.initializers.lecun_normal(), nn.initializers.orthogonal()
    directions = {}
    for direction, direction_rng in enumerate(jax.random.split(rng)):
        cell: dict[str, Any] = {}
        for gate, gate_rng in zip(_GATES, jax.random.split(direction_rng, len(_GATES)), strict=True):
            kernel_rng, recurrent_rng = jax.random.split(gate_rng)
            cell[f"i{gate}"] = {"kernel": kernel(kernel_rng, (features, units))}
            cell[f"h{gate}"] = {"kernel": recurrent(recurrent_rng, (units, units)), "bias": jnp.zeros(units)}
        directions[f"LSTMSequenceEncoder_{direction}"] = {"cell": cell}
    return directions


def _stacked(parameters: dict[str, Any], part: str) -> jax.Array:
    """The gates of one part side by side, the directions above each other: (2, ..., 4 * units)."""
    kind, name = part.split("/")
    cells = [parameters[f"LSTMSequenceEncoder_{direction}"]["cell"] for direction in range(2)]
    return jnp.stack([jnp.concatenate([cell[kind + gate][name] for gate in _GATES], axis=-1) for cell in cells])
