"""Benchmark editions: which workloads, targets, budgets and rules count together. Loads without torch or jax."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path

from workloads.errors import UnknownWorkload
from workloads.spec import Edition

_MODULES = {
    "mini": "workloads.editions.mini",
    "v0.6": "workloads.editions.v0_6",
    "v0.5": "workloads.editions.v0_5",
}


def names() -> tuple[str, ...]:
    """Every edition, the embedded default first, then the newest."""
    return tuple(_MODULES)


@functools.cache
def load(name: str) -> Edition:
    """The edition of that name; UnknownWorkload names the known ones."""
    if name not in _MODULES:
        raise UnknownWorkload(f"no edition is called {name!r}; known: {', '.join(_MODULES)}")
    edition: Edition = importlib.import_module(_MODULES[name]).EDITION
    return edition


def data_directory(edition_name: str) -> Path:
    """Where an edition's data lies: `<directory>/<dataset>/{train,eval_train,validation,test}/*.npy`.

    The environment decides, at each call: ALGOPERF_DATA, else `data/<edition>` in the state folder ALGOPERF_STATE, else
    in `var` beside the code.
    """
    if "ALGOPERF_DATA" in os.environ:
        return Path(os.environ["ALGOPERF_DATA"]).resolve()
    state = os.environ.get("ALGOPERF_STATE") or Path(__file__).parents[2] / "var"
    return Path(state).resolve() / "data" / edition_name
