"""Which generation of the submission API a folder is written for, found by reading it. Standard library only.

Three generations exist among real submissions:

    A  `algorithmic_efficiency`   JAX with `pmap` on replicated arrays, PyTorch with DDP; dropout fixed at construction
    B  `algoperf`                 the same, with `prepare_for_eval` and `train_state`
    C  `algoperf`                 JAX with `jit` on sharded arrays, PyTorch with DDP; `model_fn` takes `dropout_rate`

Two differences matter to whoever runs them, and each has its own rule, so mixtures run too:

    replicated          a JAX submission that says `pmap` gets arrays with a leading axis of devices, unless it
                        imports `jax_sharding_utils`, which only generation C has
    dropout_at_start    a submission that never passes `dropout_rate` to a function gets the rate that its
                        hyperparameters have under that name built into the model; a second rate, `aux_dropout_rate`,
                        is accepted without effect, since the models are those of generation C, which have one

Everything else (both package names, `train_state`, `prepare_for_eval`) is offered to all.
Source: AlgoPerf protocol, 1.7.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.spec import Framework

OLD_PACKAGE, PACKAGE = "algorithmic_efficiency", "algoperf"


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What a submission expects of its harness. `name` is only for people."""

    name: str
    replicated: bool
    dropout_at_start: bool


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the files of a submission say."""

    modules: frozenset[str]  # every dotted name that is imported
    names: frozenset[str]  # every identifier, attributes included
    keywords: frozenset[str]  # every keyword that is passed to a call


def detect(folder: Path, framework: str) -> Generation:
    """Reads all Python files of the folder; one that does not parse says nothing here, its import will fail."""
    found = _read(folder)
    uses_sharding = any("jax_sharding_utils" in module.split(".") for module in found.modules)
    replicated = framework == Framework.JAX and "pmap" in found.names and not uses_sharding
    dropout_at_start = "dropout_rate" not in found.keywords
    roots = {module.partition(".")[0] for module in found.modules}
    is_oldest = OLD_PACKAGE in roots and PACKAGE not in roots
    name = "A" if is_oldest else "B" if replicated or dropout_at_start else "C"
    return Generation(name=name, replicated=replicated, dropout_at_start=dropout_at_start)


def built_in_dropout(generation: Generation, hyperparameters: Any) -> float | None:
    """The `dropout_rate` of the hyperparameters, where it is a number and the model is to know it from the start."""
    rate = getattr(hyperparameters, "dropout_rate", None) if generation.dropout_at_start else None
    return None if rate is None else float(rate)


def imported_roots(folder: Path) -> frozenset[str]:
    """The top-level packages that the folder's files import."""
    return frozenset(module.partition(".")[0] for module in _read(folder).modules)


def _read(folder: Path) -> _Found:
    modules, names, keywords = set[str](), set[str](), set[str]()
    for node in _nodes(folder):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names if node.module}
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.keyword) and node.arg:
            keywords.add(node.arg)
    return _Found(modules=frozenset(modules), names=frozenset(names), keywords=frozenset(keywords))


def _nodes(folder: Path) -> Iterator[ast.AST]:
    for path in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        yield from ast.walk(tree)
