"""Is the submission written in the framework it was entered for?"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.source import Sources, imports, root
from workloads.spec import Framework

FRAMEWORK = CheckInfo(id="framework", title="It imports the framework it is entered for", stage=Stage.API)
_ROOTS = {
    Framework.PYTORCH: {"torch"},
    Framework.JAX: {"jax", "jaxlib", "flax", "optax"},
}
_TITLES = {Framework.PYTORCH: "PyTorch", Framework.JAX: "JAX"}


def check_framework(sources: Sources) -> Iterator[Finding]:
    """A note where only the other framework is imported."""
    chosen = sources.framework
    other = Framework.JAX if chosen is Framework.PYTORCH else Framework.PYTORCH
    found: dict[str, Finding] = {}
    for module in sources.modules:
        for node, name in imports(module):
            line = getattr(node, "lineno", 0)
            found.setdefault(
                root(name),
                FRAMEWORK.finding(
                    Verdict.NOTE,
                    f"The submission is entered for {_TITLES[chosen]} but imports only {_TITLES[other]}.",
                    f"Choose {_TITLES[other]} as framework, if that is what it is written in.",
                    path=module.path,
                    line=line,
                    excerpt=module.line(line),
                ),
            )
    if _ROOTS[chosen].isdisjoint(found):
        yield from (found[name] for name in sorted(_ROOTS[other] & set(found))[:1])
