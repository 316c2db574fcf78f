"""Makes `algoperf` importable outside the trainer image, so that a submission runs the same at home."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAMES = ("algoperf", "algorithmic_efficiency")
_PACKAGE = Path(__file__).parents[1] / "sandbox_runner" / "algoperf"  # copied into the trainer image under NAMES


def install() -> None:
    """Gives the compatibility package its top-level names, unless something else has them already."""
    for name in NAMES:
        if name in sys.modules or importlib.util.find_spec(name) is not None:
            continue
        spec = importlib.util.spec_from_file_location(
            name, _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
