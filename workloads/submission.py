"""A submission folder as five functions."""

from __future__ import annotations

import collections
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from workloads.api import SUBMISSION_FUNCTIONS
from workloads.errors import SubmissionError
from workloads.generations import imported_roots
from workloads.removed_names import restore
from workloads.self_imports import NestedFiles, SelfImports

PACKAGE = "submission_package"  # so that relative imports between a submission's files work
_OPTIONAL = frozenset({"prepare_for_eval"})


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The functions of one submission; `prepare_for_eval` may be missing."""

    get_batch_size: Callable[[str], int]
    init_optimizer_state: Callable[..., Any]
    data_selection: Callable[..., Any]
    update_params: Callable[..., Any]
    prepare_for_eval: Callable[..., Any] | None

    @property
    def wants_train_state(self) -> bool:
        """`train_state` is passed only to functions that name it; a `**kwargs` does not count."""
        return "train_state" in inspect.signature(self.update_params).parameters


def load_submission(folder: Path) -> Submission:
    """Imports `submission.py` of `folder`, once a process. Its own files import each other in any way.

    Raises:
        SubmissionError: there is no such file, or a function is missing. Exceptions of the import pass through.
    """
    folder = folder.resolve()
    if not (folder / "submission.py").is_file():
        raise SubmissionError(f"{folder.name} has no file submission.py at its top")
    sys.path.insert(0, str(folder))
    SelfImports(folder, PACKAGE).install()
    NestedFiles(folder).install()
    if not {"jax", "optax"}.isdisjoint(imported_roots(folder)):
        restore()
    _make_package(folder)
    module = importlib.import_module(f"{PACKAGE}.submission")
    return Submission(**{name: _function(module, name) for name in SUBMISSION_FUNCTIONS})


def hyperparameters_tuple(values: Mapping[str, Any] | None) -> Any:
    """The namedtuple `Hyperparameters` a submission reads its point from; None under self-tuning."""
    if values is None:
        return None
    return collections.namedtuple("Hyperparameters", values)(**values)


def _make_package(folder: Path) -> None:
    initializer = folder / "__init__.py"
    if initializer.is_file():
        spec = importlib.util.spec_from_file_location(PACKAGE, initializer, submodule_search_locations=[str(folder)])
        assert spec is not None
        assert spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules[PACKAGE] = package
        spec.loader.exec_module(package)
    else:
        package = ModuleType(PACKAGE)
        package.__path__ = [str(folder)]
        sys.modules[PACKAGE] = package


def _function(module: ModuleType, name: str) -> Any:
    function = getattr(module, name, None)
    if function is None and name in _OPTIONAL:
        return None
    if not callable(function):
        parameters = ", ".join(SUBMISSION_FUNCTIONS[name])
        raise SubmissionError(f"submission.py defines no function {name}({parameters})")
    return function
