"""A submission imports the submission API, never the workloads themselves."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.packages import API_PACKAGES
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources, imports, root, starts_with

_OFFERED = (
    "spec",
    "pytorch_utils",
    "jax_sharding_utils",
    "random_utils",
    "data_utils",
    "interop_utils",
    "init_utils",
    "param_utils",
    "jax_utils",
    "profiler",
)
_PRIVATE = ("workloads", "sandbox_runner", "apw")


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if root(name) in _PRIVATE:
                message = f"{name} belongs to the benchmark's own code."
                yield RULE.at(module, node, Verdict.REJECTED, message)
            elif root(name) in API_PACKAGES:
                rest = name.partition(".")[2]
                if starts_with(rest, "workloads"):
                    yield RULE.at(module, node, Verdict.REJECTED, f"{name} is workload code.")
                elif rest and root(rest) not in _OFFERED:
                    message = f"{name} is a part of the package that submissions are not offered."
                    yield RULE.at(module, node, Verdict.REVIEW, message)


RULE = Rule(
    id="workload-modules",
    title="No workload code is imported",
    why="A training algorithm has to work on any workload. What it may know of one is the workload object it is given.",
    fix="Use the workload object and `spec`; workload modules are not present where a submission runs.",
    verdicts=(Verdict.REVIEW, Verdict.REJECTED),
    find=_find,
)
