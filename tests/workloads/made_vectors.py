"""Golden vectors of a narrow model, made with our own PyTorch code: a folder to run the comparison on."""

from __future__ import annotations

import json
import math

import numpy as np

from workloads import registry, synthetic
from workloads.parameters import parameter_table
from workloads.spec import Framework
from workloads.vectors.generator import numbers
from workloads.vectors.golden import Golden
from workloads.vectors.runner_torch import TorchRunner


def make_vectors(folder, name):
    """Writes `models/<name>` as the benchmark's files are written. `registry.get` has to give a narrow workload."""
    spec = registry.get(name)
    batch = next(synthetic.train_batches(spec, 4, 1))
    graphs = batch.pop("inputs")
    arrays = {field: value for field, value in graphs._asdict().items() if value is not None} | batch
    record = {
        "params": {
            parameter.name: _how(parameter.shape) for parameter in parameter_table(spec, Framework.PYTORCH).parameters
        },
        "buffers": {},
        "inputs": {key: {"shape": list(value.shape), "sum": float(value.sum())} for key, value in arrays.items()},
        "outputs": {},
        "losses": {},
        "losses64": {},
        "grads": {},
    }
    stored = {f"input/{key}": value for key, value in arrays.items()}
    (folder / "models").mkdir(exist_ok=True, parents=True)
    _write(folder, name, record, stored)
    for double in (False, True):
        _add_results(Golden(folder, name), record, stored, double=double)
    _write(folder, name, record, stored)
    return record


def _how(shape):
    offset = 1.0 if len(shape) == 1 else 0.0
    return {"shape": list(shape), "offset": offset, "half_width": math.sqrt(3 / (math.prod(shape) / shape[0]) / 16)}


def _add_results(golden, record, stored, *, double):
    runner, batch = TorchRunner(golden, double=double), golden.batch()
    outputs = runner.evaluate(batch)
    trained = runner.train(batch, masked=True)
    for name, found in (("eval", outputs), ("train", trained.outputs)):
        (values,) = runner.numpy(found)
        norm = float(np.linalg.norm(values.astype(np.float64)))
        if double:
            stored[f"{name}_float64"] = values
            record["outputs"][name]["float64"] = {"l2": norm}
        else:
            stored[name] = values
            record["outputs"][name] = {"shape": list(values.shape), "l2": norm}
            loss = runner.loss(batch, found, 0.1, masked=True, soft=False)
            record["losses"][f"{name}/ls0.1"] = {key: float(loss[key]) for key in ("summed", "n_valid_examples")}
    if double:
        loss = runner.loss(batch, trained.outputs, 0.0, masked=True, soft=False)
        record["losses64"]["train/ls0"] = float(loss["summed"])
    for name, gradient in trained.gradients.items():
        flat = gradient.astype(np.float64).ravel()
        row = [float(np.linalg.norm(flat)), float(flat @ numbers(f"grad/{name}", flat.size))]
        record["grads"].setdefault(name, []).extend(row)


def _write(folder, name, record, stored):
    (folder / "models" / f"{name}.json").write_text(json.dumps(record))
    np.savez(folder / "models" / f"{name}.npz", **stored)
