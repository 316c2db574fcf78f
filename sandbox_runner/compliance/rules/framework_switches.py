"""Global switches of a framework are allowed; reviewers want to know which ones are used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources, starts_with

_SWITCHES = (
    "torch.backends",
    "torch._dynamo.config",
    "torch._inductor.config",
    "torch._functorch.config",
    "jax.config",
    "jax._src.config",
)
_CALLS = (
    "torch.set_float32_matmul_precision",
    "torch.set_num_threads",
    "torch.set_num_interop_threads",
    "torch.set_flush_denormal",
    "torch.use_deterministic_algorithms",
    "torch.set_default_dtype",
    "torch.set_default_device",
    "torch.cuda.set_per_process_memory_fraction",
    "torch.cuda.Stream",
    "torch.cuda.CUDAGraph",
    "torch.cuda.graph",
    "jax.config.update",
)


def is_switch(name: str) -> bool:
    """True where a dotted name is a public switch of a framework."""
    return any(starts_with(name, switch) for switch in _SWITCHES)


def _find(sources: Sources) -> Iterator[Finding]:
    for module, node in sources.nodes(ast.Attribute, ast.Call):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            name = module.dotted(node) if is_switch(module.dotted(node)) else ""
        else:
            name = module.dotted(node.func) if isinstance(node, ast.Call) else ""
            name = name if name in _CALLS else ""
        if name:
            message = f"{name} acts on the whole process."
            yield RULE.at(module, node, Verdict.NOTE, message)


RULE = Rule(
    id="framework-switches",
    title="No global switches of the framework are used",
    why="Precision, thread and stream settings are allowed, and useful to know when times are compared.",
    fix="Nothing to do.",
    verdicts=(Verdict.NOTE,),
    find=_find,
)
