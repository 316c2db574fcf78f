"""The table of all workloads at full size, and the way to their code. Loads without torch or jax.

An edition takes workloads from here and changes sizes, targets and budgets; model code exists once.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from workloads.criteo1tb import spec as criteo1tb
from workloads.errors import UnknownWorkload
from workloads.fastmri import spec as fastmri
from workloads.imagenet_resnet import spec as imagenet_resnet
from workloads.imagenet_vit import spec as imagenet_vit
from workloads.librispeech_conformer import spec as librispeech_conformer
from workloads.librispeech_deepspeech import spec as librispeech_deepspeech
from workloads.ogbg import spec as ogbg
from workloads.spec import Edition, Framework, Workload
from workloads.wmt import spec as wmt

_FAMILIES = (
    criteo1tb,
    fastmri,
    imagenet_resnet,
    imagenet_vit,
    librispeech_conformer,
    librispeech_deepspeech,
    ogbg,
    wmt,
)
# All base workloads of the benchmark. Their order matters to `base_name`.
BASES = tuple(family.BASE for family in _FAMILIES)
BASE_NAMES = tuple(base.name for base in BASES)
_ALL = {w.name: w for w in (*BASES, *(variant for family in _FAMILIES for variant in family.VARIANTS))}

_MODULES = {Framework.PYTORCH: "model_torch", Framework.JAX: "model_jax"}
_DECODERS = {Framework.PYTORCH: "decode_torch", Framework.JAX: "decode_jax"}


def names() -> tuple[str, ...]:
    """Every workload, base workloads first."""
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


def scaled_batch_size(edition: Edition, workload: Workload, answer: int) -> int:
    """What a submission's answer for the full-size workload means in an edition with smaller batches.

    The scale of a family is that of its base: some variants have smaller batches at full size, and a submission that
    does not know a variant answers for the base.
    """
    if not edition.batch_scale:
        return answer
    return max(1, answer * workload.batch_size // get(workload.base).batch_size)


def load(workload: Workload, framework: str) -> type[Any]:
    """The class of that workload's code in one framework; call it with the spec. Imports that framework.

    Raises:
        UnknownWorkload: its base has no code, or the framework is neither `jax` nor `pytorch`.
    """
    if framework not in _MODULES:
        raise UnknownWorkload(f"no framework is called {framework!r}; known: {', '.join(_MODULES)}")
    if workload.base not in BASE_NAMES:
        raise UnknownWorkload(f"workload {workload.base!r} has no code")
    module = importlib.import_module(f"workloads.{workload.base}.{_MODULES[Framework(framework)]}")
    code: type[Any] = module.Workload
    return code


def load_decoder(workload: Workload, framework: str) -> Callable[[Any], Callable[..., Any]] | None:
    """`make_decoder` of the workload's judge, where its metric needs more than the logits; None for all others.

    Like everything that measures, these files never travel to a trainer.
    """
    name = f"workloads.{workload.base}.{_DECODERS[Framework(framework)]}"
    if importlib.util.find_spec(name) is None:
        return None
    make: Callable[[Any], Callable[..., Any]] = importlib.import_module(name).make_decoder
    return make
