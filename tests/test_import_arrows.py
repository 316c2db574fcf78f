"""Which part may know which. The arrows of ARCHITECTURE.md, read from every import statement in the tree."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("webapp", "leaderboard", "sandbox_runner", "scoring", "workloads")

# Left of the arrow a package, right of it all it may import of ours. The longest prefix that fits a module decides.
ARROWS: dict[str, tuple[str, ...]] = {
    "webapp": ("webapp", "leaderboard"),
    "leaderboard": (
        "leaderboard",
        "webapp",  # its settings, its Celery application
        "scoring",
        "workloads.registry",
        "workloads.editions",
        "workloads.api",
        "workloads.spec",
        "workloads.errors",
        "sandbox_runner.protocol",
        "sandbox_runner.compliance",
    ),
    "scoring": ("scoring",),
    "scoring.__main__": ("scoring", "workloads.editions"),
    "workloads": ("workloads",),
    "sandbox_runner": ("sandbox_runner", "workloads"),
    "sandbox_runner.protocol": (),
    "sandbox_runner.compliance": (
        "sandbox_runner.compliance",
        "sandbox_runner.errors",
        "sandbox_runner.protocol",
        "workloads",
    ),
    "sandbox_runner.algoperf": ("sandbox_runner.algoperf", "workloads"),
    "sandbox_runner.trainer": (
        "sandbox_runner.trainer",
        "sandbox_runner.protocol",
        "sandbox_runner.channel",
        "workloads",
    ),
    "sandbox_runner.judge": ("sandbox_runner.judge", "sandbox_runner.protocol", "sandbox_runner.channel", "workloads"),
}
MAY_CALL_DOCKER = {f"sandbox_runner/host/{name}.py" for name in ("docker", "engine", "images")}


def _modules() -> Iterator[tuple[str, Path]]:
    """Dotted name and file of every module of ours."""
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


MODULES = dict(_modules())


def _imports(module: str, path: Path) -> Iterator[str]:
    """Every module that a file names in an import, also inside functions; relative ones spelled out."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *base.split(".")]).rstrip(".")
            # `from package import module` names the module, `from module import name` the module before the name.
            yield from (name if (name := f"{base}.{alias.name}") in MODULES else base for alias in node.names)


def _is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _allowed(module: str) -> tuple[str, ...]:
    """The right side of the arrow that starts at the longest prefix of that module."""
    return ARROWS[max((package for package in ARROWS if _is_within(module, package)), key=len)]


@pytest.mark.parametrize("package", OURS)
def test_imports_follow_the_arrows(package):
    against = [
        f"{module} -> {wanted}"
        for module, path in MODULES.items()
        if _is_within(module, package)
        for wanted in _imports(module, path)
        if wanted.split(".")[0] in OURS and not any(_is_within(wanted, allowed) for allowed in _allowed(module))
    ]
    assert against == []


def test_every_part_of_the_tree_is_looked_at():
    """A moved folder must not leave the other tests with nothing to say."""
    for package in ARROWS:
        assert any(_is_within(module, package) for module in MODULES), package


def test_docker_is_called_from_three_files_only():
    callers = {
        path.relative_to(ROOT).as_posix()
        for module, path in MODULES.items()
        if any(_is_within(wanted, "docker") for wanted in _imports(module, path))
    }
    assert callers <= MAY_CALL_DOCKER


def test_scoring_needs_numpy_and_nothing_else():
    outside = {
        wanted.split(".")[0]
        for module, path in MODULES.items()
        if _is_within(module, "scoring") and module != "scoring.__main__"
        for wanted in _imports(module, path)
    }
    assert outside - set(sys.stdlib_module_names) <= {"scoring", "numpy"}


def test_what_crosses_the_walls_needs_the_standard_library_only():
    wanted = {name.split(".")[0] for name in _imports("sandbox_runner.protocol", MODULES["sandbox_runner.protocol"])}
    assert wanted <= set(sys.stdlib_module_names)


IMPORT_THEM_ALL = """
import importlib, json, sys
import django
django.setup()
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
NOT_IN_THE_SITE = {"torch", "jax", "jaxlib", "flax", "optax", "docker"}


def _loaded_after_importing(modules: list[str], settings: str = "webapp.settings.test") -> set[str]:
    """Top-level names in `sys.modules` of a fresh interpreter that imported those modules."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_THEM_ALL, json.dumps(modules)],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": settings, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_site_loads_without_torch_jax_and_docker():
    site = [
        name
        for name in MODULES
        if name.split(".")[0] in ("webapp", "leaderboard")
        and ".settings" not in name  # one of them is loaded, the others would read their own environment
        and ".migrations" not in name
    ]
    loaded = _loaded_after_importing(site)

    assert "leaderboard" in loaded
    assert loaded & NOT_IN_THE_SITE == set()


def test_what_the_site_may_import_of_others_loads_without_torch_and_jax():
    borrowed = [name for name in ARROWS["leaderboard"] if name.split(".")[0] in ("workloads", "sandbox_runner")]
    assert _loaded_after_importing(borrowed) & NOT_IN_THE_SITE == set()
