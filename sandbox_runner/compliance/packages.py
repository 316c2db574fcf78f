"""Which modules a trial can import besides the submission's own files and the standard library."""

from __future__ import annotations

# distribution -> the modules it brings; what the trainer image holds for submissions.
OFFERED: dict[str, tuple[str, ...]] = {
    "absl-py": ("absl",),
    "chex": ("chex",),
    "dm-haiku": ("haiku",),
    "flax": ("flax",),
    "jax": ("jax",),
    "jaxlib": ("jaxlib",),
    "jraph": ("jraph",),
    "ml-dtypes": ("ml_dtypes",),
    "msgpack": ("msgpack",),
    "numpy": ("numpy",),
    "opt-einsum": ("opt_einsum",),
    "optax": ("optax",),
    "orbax-checkpoint": ("orbax",),
    "scipy": ("scipy",),
    "torch": ("torch",),
    "typing-extensions": ("typing_extensions",),
}
IMAGE_MODULES = frozenset(module for modules in OFFERED.values() for module in modules)

API_PACKAGES = ("algoperf", "algorithmic_efficiency")
OUR_MODULES = frozenset({*API_PACKAGES, "apw", "sandbox_runner", "workloads"})
