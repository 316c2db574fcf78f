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


def test_arrays_cross_between_the_frameworks(names: Path):
    program = """
import jax.numpy as jnp, torch
from algoperf.interop_utils import jax_to_pytorch, pytorch_to_jax
tensor = jax_to_pytorch(jnp.arange(3.0))
tensor += 1
print(tensor.tolist(), pytorch_to_jax(tensor).tolist())
"""
    assert run(program, names) == "[1.0, 2.0, 3.0] [1.0, 2.0, 3.0]"


def test_layers_with_a_rate_per_call_drop_what_the_call_says(names: Path):
    program = """
import torch
from algoperf.pytorch_utils import CustomDropout, SequentialWithDropout
model = SequentialWithDropout(torch.nn.Identity(), CustomDropout())
ones = torch.ones(1000)
dropped = model(ones, 0.5)
print(bool((model(ones, 0.0) == 1).all()), sorted(set(dropped.tolist())), bool((model.eval()(ones, 0.5) == 1).all()))
"""
    assert run(program, names) == "True [0.0, 2.0] True"


def test_names_that_jax_has_dropped_are_back_for_a_submission(names: Path):
    (names / "entry").mkdir()
    functions = "\n".join(
        f"def {name}(*arguments): return None"
        for name in ("get_batch_size", "init_optimizer_state", "data_selection", "update_params")
    )
    (names / "entry" / "submission.py").write_text(
        f"""
import jax
import jax.numpy as jnp
from jax import linear_util
from jax.lib import xla_bridge
from optax._src import transform
DOUBLED = jax.tree_map(lambda x: 2 * x, {{'a': 3}})
COPIES = jax.device_put_replicated(jnp.ones(2), jax.local_devices())
Key = jax.random.KeyArray
MOMENT = transform.update_moment({{'a': 1.0}}, {{'a': 3.0}}, 0.5, 1)
{functions}
"""
    )
    program = f"""
from pathlib import Path
from workloads.submission import load_submission
load_submission(Path({str(names / "entry")!r}))
import sys
module = sys.modules["submission_package.submission"]
print(module.DOUBLED, module.COPIES.shape, module.MOMENT)
"""
    assert run(program, names) == "{'a': 6} (1, 2) {'a': 2.0}"


def test_a_file_of_a_nested_folder_can_be_imported_by_its_own_name(names: Path):
    functions = "\n".join(
        f"def {name}(*arguments): return None"
        for name in ("get_batch_size", "init_optimizer_state", "data_selection", "update_params")
    )
    files = {
        "submission.py": f"import shampoo_types\nfrom utils.blocks import BLOCK\n{functions}\n",
        "optimizers/distributed/shampoo_types.py": "KIND = 'root'\n",
        "optimizers/distributed/utils/blocks.py": "BLOCK = 7\n",
        "twice/a/other.py": "",
        "twice/b/other.py": "",
    }
    for name, text in files.items():
        (names / "entry" / name).parent.mkdir(parents=True, exist_ok=True)
        (names / "entry" / name).write_text(text)
    program = f"""
from pathlib import Path
from workloads.submission import load_submission
load_submission(Path({str(names / "entry")!r}))
import sys
module = sys.modules["submission_package.submission"]
print(module.shampoo_types.KIND, module.BLOCK)
try:
    import other
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(program, names).splitlines() == ["root 7", "No module named 'other'"]
