"""The table of all workloads at full size, and the way to their code. Loads without torch or jax.

An edition takes workloads from here and changes sizes, targets and budgets; model code exists once.
"""

from __future__ import annotations

import importlib
from typing import Any

from workloads.errors import UnknownWorkload
from workloads.imagenet_resnet import spec as imagenet_resnet
from workloads.ogbg import spec as ogbg
from workloads.spec import Framework, Workload

# All base workloads of the benchmark. Their order matters to `base_name`.
BASE_NAMES = (
    "criteo1tb",
    "fastmri",
    "imagenet_resnet",
    "imagenet_vit",
    "librispeech_conformer",
    "librispeech_deepspeech",
    "ogbg",
    "wmt",
)
# The ones that have code.
BASES = (imagenet_resnet.BASE, ogbg.BASE)
_ALL = {w.name: w for w in (*BASES, *imagenet_resnet.VARIANTS, *ogbg.VARIANTS)}

_MODULES = {Framework.PYTORCH: "model_torch", Framework.JAX: "model_jax"}


def names() -> tuple[str, ...]:
    """Every workload with code, base workloads first."""
    return tuple(_ALL)


def get(name: str) -> Workload:
    """The full-size workload of that name; UnknownWorkload names the known ones."""
    if name not in _ALL:
        raise UnknownWorkload(f"no workload is called {name!r}; known: {', '.join(_ALL)}")
    return _ALL[name]


def base_name(name: str) -> str:
    """The base workload a name belongs to: the first base name contained in it, else the name itself.

    Source: AlgoPerf protocol, "Workload registry".
    """
    return next((base for base in BASE_NAMES if base in name), name)


def load(workload: Workload, framework: str) -> type[Any]:
    """The class of that workload's code in one framework; call it with the spec. Imports that framework.

    Raises:
        UnknownWorkload: its base has no code, or the framework is neither `jax` nor `pytorch`.
    """
    if framework not in _MODULES:
        raise UnknownWorkload(f"no framework is called {framework!r}; known: {', '.join(_MODULES)}")
    if workload.base not in {base.name for base in BASES}:
        raise UnknownWorkload(f"workload {workload.base!r} has no code yet")
    module = importlib.import_module(f"workloads.{workload.base}.{_MODULES[Framework(framework)]}")
    code: type[Any] = module.Workload
    return code
