"""The compatibility package under both of its names, as a submission's process sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A folder with the package under both names, as in the trainer image."""
    for name in ("algoperf", "algorithmic_efficiency"):
        (tmp_path / name).symlink_to(ROOT / "sandbox_runner" / "algoperf")
    return tmp_path


def run(program: str, names: Path) -> str:
    """What the program prints; it fails the test when it raises."""
    environment = {"PYTHONPATH": f"{ROOT}:{names}", "PATH": "", "HOME": str(names)}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_both_names_give_the_same_enums_and_errors(names: Path):
    program = """
from algoperf import spec as new
from algorithmic_efficiency import spec as old
assert new.ForwardPassMode.TRAIN is old.ForwardPassMode.TRAIN
assert new.TrainingCompleteError is old.TrainingCompleteError
assert new.ShapeTuple((1,)) == old.ShapeTuple((1,))
"""
    run(program, names)


def test_spec_loads_without_either_framework(names: Path):
    program = "import sys; from algoperf import spec; print([m for m in ('torch', 'jax') if m in sys.modules])"
    assert run(program, names) == "[]"


def test_the_idiom_of_pytorch_submissions_works_without_jax(names: Path):
    program = """
import sys
from algorithmic_efficiency.pytorch_utils import pytorch_setup
USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()
assert DEVICE.type in ("cpu", "cuda")
print(USE_PYTORCH_DDP, RANK, "jax" in sys.modules)
"""
    assert run(program, names) == "False 0 False"


def test_the_idiom_of_jax_submissions_works_without_torch(names: Path):
    program = """
import sys
import jax, jax.numpy as jnp
from algoperf import jax_sharding_utils
from algoperf.jax_sharding_utils import get_batch_dim_sharding, get_replicate_sharding
whole, cut = get_replicate_sharding(), get_batch_dim_sharding()
step = jax.jit(lambda p, b: p + b.sum(), in_shardings=(whole, cut), out_shardings=whole)
params = jnp.ones(3)
for _ in range(3):
    params = step(params, jax_sharding_utils.shard_along_batch_dim(jnp.ones(8)))
print(jax_sharding_utils.replicate(params).tolist(), "torch" in sys.modules)
"""
    assert run(program, names) == "[25.0, 25.0, 25.0] False"


def test_random_keys_follow_the_framework_of_the_process(names: Path):
    program = """
from workloads import frameworks, random_keys
from algoperf import random_utils
frameworks.configure("FRAMEWORK")
key = random_utils.PRNGKey(3)
name = "FRAMEWORK"
expected = random_keys.fold_in(random_keys.split(random_keys.prng_key(3, name), 2, name)[1], 7, name)
assert [int(i) for i in random_utils.fold_in(random_utils.split(key)[1], 7)] == [int(i) for i in expected]
print(type(key).__module__.split(".")[0])
"""
    assert run(program.replace("FRAMEWORK", "pytorch"), names) == "numpy"
    assert run(program.replace("FRAMEWORK", "jax"), names).startswith("jax")


def test_a_short_batch_is_padded_with_examples_of_weight_zero(names: Path):
    program = """
import numpy as np
from algoperf import data_utils
batch = {"inputs": np.ones((3, 2)), "targets": np.arange(3)}
padded = data_utils.shard_and_maybe_pad_np(batch, global_batch_size=4)
print(padded["inputs"].shape, padded["targets"].tolist(), padded["weights"].tolist())
unchanged = data_utils.shard_and_maybe_pad_np(batch)
print(sorted(unchanged))
"""
    assert run(program, names).splitlines() == ["(4, 2) [0, 1, 2, 0] [1.0, 1.0, 1.0, 0.0]", "['inputs', 'targets']"]


def test_shapes_and_kinds_of_parameters_are_known_in_both_frameworks(names: Path):
    program = """
import torch
from algoperf import param_utils, spec
shapes = param_utils.pytorch_param_shapes(torch.nn.Sequential(torch.nn.Linear(2, 3)))
assert shapes == {"0.weight": spec.ShapeTuple((3, 2)), "0.bias": spec.ShapeTuple((3,))}
kinds = param_utils.pytorch_param_types(shapes)
assert kinds == {"0.weight": spec.ParameterType.WEIGHT, "0.bias": spec.ParameterType.BIAS}
import numpy as np
tree = param_utils.jax_param_shapes({"Conv_0": {"kernel": np.ones((3, 3, 1, 2))}, "LayerNorm_0": {"scale": np.ones(2)}})
assert param_utils.jax_param_types(tree) == {
    "conv_0": {"kernel": spec.ParameterType.CONV_WEIGHT}, "layernorm_0": {"scale": spec.ParameterType.LAYER_NORM_SCALE}
}
"""
    run(program, names)
