"""The reference algorithms do what their names say, and the same in PyTorch and JAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optax
import pytest

from tests.algorithms.linear import ALGORITHMS, SHAPES, STEP_HINT, Arrays, Training, random_arrays

NAMES = sorted(path.name for path in ALGORITHMS.iterdir() if path.is_dir())
COSINE, LINEAR = ("adamw", "muon", "nadamw"), ("heavy_ball", "nesterov")
STEPS = STEP_HINT + 3  # beyond the end of every schedule
POINT = {"learning_rate": 0.05, "one_minus_beta1": 0.2, "beta2": 0.9, "weight_decay": 0.1, "warmup_factor": 0.3}


def trained(name: str, framework: str, point: dict[str, Any] | None = None) -> list[Arrays]:
    """The parameters after each of a few steps with random gradients, all in PyTorch's layout."""
    training = Training(name, framework, random_arrays(0), POINT | (point or {}))
    return [training.step(random_arrays(step + 1)) for step in range(STEPS)]


def rates(name: str, point: dict[str, Any] | None = None) -> list[float]:
    """The learning rates of the steps."""
    training = Training(name, "pytorch", random_arrays(0), POINT | (point or {}))
    found = []
    for step in range(STEPS):
        training.step(random_arrays(step))
        found.append({optimizer.param_groups[0]["lr"] for optimizer in training.state.values()})
    assert all(len(rates) == 1 for rates in found)
    return [rates.pop() for rates in found]


def oracle(optimizer: optax.GradientTransformation, names: tuple[str, ...] = tuple(SHAPES)) -> list[Arrays]:
    """What optax makes of the same gradients."""
    start = random_arrays(0)
    params = {name: start[name] for name in names}
    state, found = optimizer.init(params), []
    for step in range(STEPS):
        gradients = random_arrays(step + 1)
        updates, state = optimizer.update({name: gradients[name] for name in names}, state, params)
        params = optax.apply_updates(params, updates)
        found.append(params)
    return found


def schedule_of(name: str) -> Callable[[Any], Any]:
    import jax.numpy as jnp

    values = jnp.array(rates(name))
    return lambda count: values[count]


def assert_same(found: list[Arrays], expected: list[Any]) -> None:
    for got, wanted in zip(found, expected, strict=True):
        for name in wanted:
            np.testing.assert_allclose(got[name], wanted[name], atol=2e-6, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_both_frameworks_take_the_same_steps(name):
    assert_same(trained(name, "pytorch"), trained(name, "jax"))


@pytest.mark.parametrize("name", NAMES)
def test_both_frameworks_clip_alike(name):
    clipped = trained(name, "pytorch", {"grad_clip": 0.5})

    assert_same(clipped, trained(name, "jax", {"grad_clip": 0.5}))


@pytest.mark.parametrize("name", NAMES)
def test_both_frameworks_evaluate_the_same_weights_and_train_on_as_if_nobody_had_looked(name):
    looked = {framework: Training(name, framework, random_arrays(0), POINT) for framework in ("pytorch", "jax")}
    found = {framework: [] for framework in looked}
    for step in range(STEPS):
        for framework, training in looked.items():
            found[framework] += [training.step(random_arrays(step + 1)), training.prepared(), training.prepared()]

    assert_same(found["pytorch"], found["jax"])
    assert_same(found["pytorch"][::3], trained(name, "pytorch"))


def test_nadamw_is_that_of_optax():
    expected = oracle(optax.nadamw(schedule_of("nadamw"), b1=0.8, b2=0.9, weight_decay=0.1))

    assert_same(trained("nadamw", "pytorch"), expected)


def test_adamw_is_that_of_optax():
    expected = oracle(optax.adamw(schedule_of("adamw"), b1=0.8, b2=0.9, weight_decay=0.1))

    assert_same(trained("adamw", "pytorch"), expected)


@pytest.mark.parametrize("name", LINEAR)
def test_momentum_is_that_of_optax_with_the_weight_decay_in_the_gradient(name):
    sgd = optax.sgd(schedule_of(name), momentum=0.8, nesterov=name == "nesterov")
    expected = oracle(optax.chain(optax.add_decayed_weights(0.1), sgd))

    assert_same(trained(name, "pytorch", {"grad_clip": None}), expected)


def test_muon_is_that_of_optax_on_matrices_and_adamw_on_the_rest():
    schedule, found = schedule_of("muon"), trained("muon", "pytorch", {"one_minus_momentum": 0.1})
    muon = optax.contrib.muon(schedule, beta=0.9, weight_decay=0.1, consistent_rms=0.2)
    adamw = optax.adamw(schedule, b1=0.8, b2=0.9, weight_decay=0.1)

    assert_same(found, oracle(muon, ("dense",)))
    assert_same(found, oracle(adamw, ("bias", "embedding")))


def test_muon_makes_an_update_of_equal_singular_values_from_a_convolution():
    training = Training("muon", "pytorch", random_arrays(0), {"warmup_factor": 0.0, "weight_decay": 0.0})
    training.step(random_arrays(1))  # its learning rate is nothing yet
    moved = training.step(random_arrays(1))["conv"] - random_arrays(0)["conv"]

    values = np.linalg.svd(moved.reshape(moved.shape[0], -1), compute_uv=False)
    assert values.min() / values.max() > 0.5
    size = math.sqrt(np.mean(moved**2))
    assert size == pytest.approx(0.2 * training.state["muon"].param_groups[0]["lr"], rel=0.35)


def test_schedule_free_evaluates_the_average_of_its_sequence():
    training = Training("schedule_free_adamw", "pytorch", random_arrays(0), POINT)
    sequence, weights = [], []
    for step in range(STEPS):
        training.step(random_arrays(step + 1))
        optimizer = training.state["optimizer"]
        sequence.append(optimizer.state[training.params["dense"]]["z"].numpy().copy())
        weights.append(max([*weights, optimizer.param_groups[0]["lr"] ** 2]))

    expected = np.average(sequence, axis=0, weights=weights)
    np.testing.assert_allclose(training.prepared()["dense"], expected, atol=2e-6)


@pytest.mark.parametrize("name", COSINE)
def test_the_rate_warms_up_in_a_line_and_falls_along_a_cosine(name):
    found = rates(name, {"learning_rate": 1.0, "warmup_factor": 0.2, "horizon_factor": 1.0, "end_factor": 0.0})

    cosine = [0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(9)]
    assert found == pytest.approx([0.0, 0.5, *cosine, 0.0, 0.0])


@pytest.mark.parametrize("name", LINEAR)
def test_the_rate_warms_up_in_a_line_and_falls_in_a_line(name):
    point = {"warmup_factor": 0.2, "horizon_factor": 1.0, "decay_steps_factor": 0.5, "end_factor": 0.2}
    found = rates(name, {"learning_rate": 1.0, **point})

    assert found == pytest.approx([0.0, 0.5, 1.0, 0.8, 0.6, 0.4, *[0.2] * 7])


def test_the_rate_without_a_schedule_stays_where_it_warmed_up_to():
    found = rates("schedule_free_adamw", {"learning_rate": 1.0, "warmup_factor": 0.4})

    assert found == pytest.approx([0.25, 0.5, 0.75, *[1.0] * 10])


@pytest.mark.parametrize("name", [*COSINE, *LINEAR])
def test_a_horizon_stretches_the_whole_schedule(name):
    point = {"learning_rate": 1.0, "warmup_factor": 0.4, "end_factor": 0.1}
    half = rates(name, {**point, "horizon_factor": 0.5})

    assert half[:3] == pytest.approx([0.0, 0.5, 1.0])
    assert half[5:] == pytest.approx([0.1] * (STEPS - 5))


@pytest.mark.parametrize("framework", ["jax", "pytorch"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_point_leaves_out_is_as_under_self_tuning(name, framework):
    alone = Training(name, framework, random_arrays(0), None)
    rate = alone.submission.DEFAULTS["learning_rate"]
    pointed = Training(name, framework, random_arrays(0), {"learning_rate": rate})

    for step in range(3):
        gradients = random_arrays(step + 1)
        assert_same([alone.step(gradients)], [pointed.step(gradients)])
