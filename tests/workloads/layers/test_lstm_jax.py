"""The LSTM layer in JAX against PyTorch's over packed sequences."""

from __future__ import annotations

import jax
import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from workloads.layers.lstm_jax import LSTM

UNITS, FEATURES, LENGTHS = 3, 5, np.array([7, 4, 1])


def torch_twin(parameters):
    """PyTorch's layer with the same gates; its second bias is 0."""
    layer = torch.nn.LSTM(FEATURES, UNITS, batch_first=True, bidirectional=True)
    state = {}
    for direction, suffix in enumerate(["", "_reverse"]):
        cell = parameters["LSTM"][f"LSTMSequenceEncoder_{direction}"]["cell"]
        for name, kind in (("weight_ih_l0", "i"), ("weight_hh_l0", "h")):
            gates = [np.asarray(cell[kind + gate]["kernel"]).T for gate in "ifgo"]
            state[name + suffix] = torch.from_numpy(np.concatenate(gates))
        biases = [np.asarray(cell[f"h{gate}"]["bias"]) for gate in "ifgo"]
        state["bias_hh_l0" + suffix] = torch.from_numpy(np.concatenate(biases))
        state["bias_ih_l0" + suffix] = torch.zeros(4 * UNITS)
    layer.load_state_dict(state)
    return layer


def test_both_directions_end_and_turn_at_the_last_frame_that_counts():
    random = np.random.default_rng(2)
    x = random.normal(size=(3, 7, FEATURES)).astype(np.float32)
    padded = np.arange(7) >= LENGTHS[:, np.newaxis]
    initial = LSTM(UNITS).init(jax.random.PRNGKey(0), x, padded)["params"]
    parameters = jax.tree.map(lambda leaf: leaf + 0.1 * random.normal(size=leaf.shape).astype(np.float32), initial)

    ours = LSTM(UNITS).apply({"params": parameters}, x, padded)

    packed = pack_padded_sequence(torch.from_numpy(x), LENGTHS, batch_first=True, enforce_sorted=False)
    theirs, _ = pad_packed_sequence(torch_twin(parameters)(packed)[0], batch_first=True, total_length=7)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-6)


def test_gates_start_as_published():
    cell = LSTM(64).init(jax.random.PRNGKey(1), np.zeros((1, 2, 96), np.float32), np.zeros((1, 2), bool))
    gates = cell["params"]["LSTM"]["LSTMSequenceEncoder_1"]["cell"]

    for gate in "ifgo":
        recurrent = np.asarray(gates[f"h{gate}"]["kernel"])
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-5)
        assert not gates[f"h{gate}"]["bias"].any()
        assert abs(float(gates[f"i{gate}"]["kernel"].std()) * 96**0.5 - 1) < 0.05
    assert not np.array_equal(gates["ii"]["kernel"], gates["if"]["kernel"])
