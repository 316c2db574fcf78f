"""A model against its golden file: outputs, losses, gradients and running averages, in float32 and in float64."""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from workloads.spec import Framework
from workloads.vectors import generator, layout, tolerances
from workloads.vectors.golden import Golden
from workloads.vectors.judged import judged
from workloads.vectors.quantity import Quantity, Reporter
from workloads.vectors.runner import Runner, Trained
from workloads.vectors.tolerances import Tolerances

_LOSS_KEY = re.compile(r"(?P<part>\w+)/ls(?P<smoothing>[\d.]+)(?P<kind>_masked|_soft|)")
_ALWAYS_WEIGHTED = ("ogbg", "wmt")
_EXACT_GENERATOR = 1e-6  # relative, on sums and first values that were printed with six digits or more
# A gradient this small beside the largest is judged as if it were this large: what rounds off is a share of the large
# ones. With layer norm after each addition the Transformer of images has one of 5e-6.
_SMALLEST_GRADIENT = {"float32": 1e-5, "float64": 1e-7}


def compare(golden: Golden, framework: Framework) -> Iterator[Quantity]:
    """Every quantity of a model file in one framework. Raises VectorsError where the file is not in the format."""
    report = Reporter(file=f"models/{golden.name}.json", workload=golden.name, framework=framework)
    layout.check(golden.name, golden.record, golden.stored)
    yield from _generated(golden, report)
    if framework == Framework.PYTORCH:
        yield from _compare_torch(golden, report)
    else:
        yield from _compare_jax(golden, report)


def _compare_torch(golden: Golden, report: Reporter) -> Iterator[Quantity]:
    from workloads.vectors.runner_torch import TorchRunner

    for double in (False, True):
        runner = TorchRunner(golden, double=double)
        if not double and "train_no_update" in golden.record:
            yield from _without_update(golden, runner, report)
        yield from _compare(golden, runner, report, double=double)
        del runner
        gc.collect()


def _compare_jax(golden: Golden, report: Reporter) -> Iterator[Quantity]:
    import jax

    from workloads.vectors.runner_jax import JaxRunner

    parity = golden.parity()
    if parity is not None:
        shapes = JaxRunner.shapes(golden)
        difference = set(golden.derived(shapes)) ^ set(golden.leaves(shapes))
        yield report.quantity("derived mapping differs from the recorded one in leaves", len(difference), 0)
    if golden.jax_results() is not None:
        yield from _own_results(golden, JaxRunner(golden, double=False), report)
    # As it is, the residual network is another function than the PyTorch one.
    symmetric = {"symmetric_padding": True} if "symmetric_padding" in golden.spec.model else {}
    for double in (False, True):
        with jax.enable_x64(True) if double else contextlib.nullcontext():
            runner = JaxRunner(golden, double=double, changes=symmetric)
            yield from _compare(golden, runner, report, double=double)
        del runner
        jax.clear_caches()
        gc.collect()


def _generated(golden: Golden, report: Reporter) -> Iterator[Quantity]:
    """Weights and inputs are what the file says, so whatever differs later is the model's doing."""

    def off(values: np.ndarray, how: Mapping[str, Any]) -> float:
        first = np.abs(values.ravel()[:3] - np.asarray(how.get("first", values.ravel()[:3]))).max()
        size = float(np.abs(values, dtype=np.float64).sum())
        total = abs(float(values.sum(dtype=np.float64)) - how["sum"]) if "sum" in how else 0.0
        norm = float(np.linalg.norm(values.astype(np.float64)))
        off_norm = abs(norm - how.get("l2", norm)) / max(norm, 1e-30)
        return max(first / max(1.0, np.abs(values).max()), total / max(1.0, size), off_norm)

    inputs = ((key, off(golden.inputs[key], how)) for key, how in golden.record["inputs"].items())
    yield report.worst("inputs", inputs, _EXACT_GENERATOR)
    weights = ((key, off(golden.weights[key], how)) for key, how in golden.record["params"].items())
    yield report.worst("weights", weights, _EXACT_GENERATOR)


def _compare(golden: Golden, runner: Runner, report: Reporter, *, double: bool) -> Iterator[Quantity]:
    base = golden.spec.base
    limits = tolerances.float64(base, runner.framework) if double else tolerances.float32(base, runner.framework)
    another = tolerances.of_another_function(golden.name, runner.framework)
    limits = another or limits
    precision = "float64" if double else "float32"
    batch = golden.batch()
    passes: dict[str, Callable[[], Any]] = {"eval": lambda: runner.evaluate(batch)}
    batches = {"eval": batch, "train": batch}
    if "eval_plain" in golden.record["outputs"]:
        batches["eval_plain"] = golden.batch(plain=True)
        passes["eval_plain"] = lambda: runner.evaluate(batches["eval_plain"])
    for name, run in passes.items():
        outputs = run()
        tolerance = limits.evaluation
        yield from _outputs(golden, name, batches[name], runner.numpy(outputs), report, precision, tolerance)
        if not double:
            yield from _losses(golden, runner, name, batches[name], outputs, report, limits)
            if another is None:
                yield from judged(golden, name, batches[name], runner.numpy(outputs), report)
    trained = runner.train(batch, masked=base in _ALWAYS_WEIGHTED)
    found = runner.numpy(trained.outputs)
    yield from _outputs(golden, "train", batch, found, report, precision, limits.training)
    if double:
        yield from _losses_float64(golden, runner, batch, trained.outputs, report, limits)
    else:
        yield from _losses(golden, runner, "train", batch, trained.outputs, report, limits)
        yield from _statistics(golden, runner, trained, report, limits)
    yield from _gradients(golden, trained.gradients, report, precision, limits)


def _outputs(
    golden: Golden,
    name: str,
    batch: Mapping[str, Any],
    outputs: tuple[np.ndarray, ...],
    report: Reporter,
    precision: str,
    tolerance: float,
) -> Iterator[Quantity]:
    """The main output, where it counts, and the paddings that belong to it."""
    values = outputs[0]
    if len(outputs) > 1:
        values = np.where(outputs[1][..., np.newaxis] > 0, 0, values)
        if name == "eval" and "output_paddings" in golden.stored:
            yield report.equal(f"output paddings {precision}", outputs[1], golden.stored["output_paddings"])
    elif golden.spec.base == "wmt":
        values = np.where(batch["weights"][..., np.newaxis] > 0, values, 0)
    expected_shape = tuple(golden.record["outputs"][name]["shape"])
    if values.shape != expected_shape:
        yield report.quantity(f"{name} {precision}", np.inf, tolerance, where=f"{values.shape} for {expected_shape}")
        return
    suffix = "_float64" if precision == "float64" else ""
    sampled, whole = f"{name}_sample{suffix}", f"{name}{suffix}"
    if sampled in golden.stored:
        found, expected = values.ravel()[golden.stored[f"{name}_index"]], golden.stored[sampled]
    else:
        found, expected = values.ravel(), golden.stored[whole].ravel()
    yield report.compare(f"{name} {precision}", found, expected, tolerance)
    how = golden.record["outputs"][name]
    norm = (how if precision == "float32" else how["float64"])["l2"]
    relative = max(tolerance / max(1.0, float(np.abs(values).max())), _EXACT_GENERATOR)
    yield report.compare(f"{name} norm {precision}", np.linalg.norm(values.astype(np.float64)), norm, relative, norm)


def _losses(
    golden: Golden,
    runner: Runner,
    name: str,
    batch: Mapping[str, Any],
    outputs: Any,
    report: Reporter,
    limits: Tolerances,
) -> Iterator[Quantity]:
    tolerance = limits.training_loss if name == "train" else limits.evaluation_loss
    absolute = limits.training if name == "train" else limits.evaluation
    for key, expected in golden.record["losses"].items():
        match = _LOSS_KEY.fullmatch(key)
        if match is None or match["part"] != name:
            continue
        masked = match["kind"] == "_masked" or golden.spec.base in _ALWAYS_WEIGHTED
        soft = match["kind"] == "_soft"
        loss = runner.loss(batch, outputs, float(match["smoothing"]), masked=masked, soft=soft)
        summed, valid = expected["summed"], expected["n_valid_examples"]
        yield report.compare(f"{key} summed", loss["summed"], summed, tolerance, max(abs(summed), 1e-30))
        yield report.compare(f"{key} n_valid_examples", loss["n_valid_examples"], valid, 0.0)
        stored = golden.stored.get(f"{key.replace('/', '_')}_per_example")
        if stored is not None:
            # Each follows the logits it is made of; a sequence adds up many of them.
            largest = max(1.0, float(np.abs(stored).max()))
            yield report.compare(f"{key} per_example", loss["per_example"], stored, absolute + tolerance * largest)


def _losses_float64(
    golden: Golden, runner: Runner, batch: Mapping[str, Any], outputs: Any, report: Reporter, limits: Tolerances
) -> Iterator[Quantity]:
    for key, expected in golden.record.get("losses64", {}).items():
        match = _LOSS_KEY.fullmatch(key)
        if match is None or match["part"] != "train":
            continue
        masked = match["kind"] == "_masked" or golden.spec.base in _ALWAYS_WEIGHTED
        loss = runner.loss(batch, outputs, float(match["smoothing"]), masked=masked, soft=match["kind"] == "_soft")
        yield report.compare(f"{key} summed float64", loss["summed"], expected, limits.training_loss, abs(expected))


def _gradients(
    golden: Golden, gradients: Mapping[str, np.ndarray], report: Reporter, precision: str, limits: Tolerances
) -> Iterator[Quantity]:
    """Norms, relative, and dot products with known numbers, relative to the norms; the worst tensor of each."""
    ignored = set(golden.record.get("grads_that_are_zero_up_to_noise", ()))
    column = 2 if precision == "float64" else 0
    floor = _SMALLEST_GRADIENT[precision] * max(row[2] for row in golden.record["grads"].values())
    norms, dots = [], []
    for name, row in golden.record["grads"].items():
        if name in ignored:
            continue
        gradient = gradients[name].astype(np.float64).ravel()
        norm, dot = row[column], row[column + 1]
        scale = max(norm, floor)
        norms.append((name, abs(float(np.linalg.norm(gradient)) - norm) / scale))
        off = abs(float(gradient @ generator.numbers(f"grad/{name}", gradient.size)) - dot)
        dots.append((name, off / max(scale, abs(dot))))  # it is printed with ten digits, however large it is
    yield report.worst(f"gradient norms {precision}", norms, limits.gradient_norm)
    yield report.worst(f"gradient dots {precision}", dots, limits.gradient_dot)


def _statistics(
    golden: Golden, runner: Runner, trained: Trained, report: Reporter, limits: Tolerances
) -> Iterator[Quantity]:
    """Running averages after one training pass. JAX keeps the biased variance of the residual network."""
    stored = {key.removeprefix("new/"): value for key, value in golden.stored.items() if key.startswith("new/")}
    biased = runner.framework == Framework.JAX and golden.spec.base == "imagenet_resnet"
    expected = {name: value for name, value in stored.items() if not (biased and name.endswith("running_var"))}
    if expected:
        errors = ((name, float(np.abs(trained.statistics[name] - value).max())) for name, value in expected.items())
        yield report.worst("running averages", errors, limits.statistics)


def _without_update(golden: Golden, runner: Any, report: Reporter) -> Iterator[Quantity]:
    outputs, moved = runner.train_without_update(golden.batch())
    limits = tolerances.float32(golden.spec.base, runner.framework)
    (compared, *_) = (
        quantity
        for quantity in _outputs(
            golden, "train", golden.batch(), runner.numpy(outputs), report, "float32", limits.training
        )
    )
    yield report.quantity("train without update float32", compared.error, compared.tolerance)
    yield report.quantity("running averages moved without update", moved, 0.0)


def _own_results(golden: Golden, runner: Runner, report: Reporter) -> Iterator[Quantity]:
    """The JAX model against results of the JAX reference."""
    results, parity = golden.jax_results(), golden.parity() or {}
    assert results is not None
    limits = tolerances.float32(golden.spec.base, runner.framework)
    batch = golden.batch()
    outputs = runner.numpy(runner.evaluate(batch))[0]
    yield report.compare("eval of the JAX model", outputs, results["eval"], limits.evaluation)
    trained = runner.train(batch, masked=False)
    found = runner.numpy(trained.outputs)[0]
    yield report.compare("train of the JAX model", found, results["train"], limits.training)
    statistics = (
        (key, float(np.abs(trained.statistics[key.removeprefix("new/")] - value).max()))
        for key, value in results.items()
        if key.startswith("new/")
    )
    yield report.worst("running averages of the JAX model", statistics, limits.statistics)
    norms = parity.get("grad_norms_jax") or parity.get("agreement", {}).get("grad_norms_jax")
    if norms:
        errors = [
            (name, abs(float(np.linalg.norm(trained.gradients[name])) - norm) / norm) for name, norm in norms.items()
        ]
        yield report.worst("gradient norms of the JAX model", errors, limits.gradient_norm)
