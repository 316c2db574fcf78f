"""A submission is one thread of one process, as far as it decides that itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources, imports, starts_with

_MODULES = (
    "subprocess",
    "multiprocessing",
    "torch.multiprocessing",
    "threading",
    "_thread",
    "concurrent",
    "asyncio",
    "sched",
    "pty",
    "posix",
    "signal",
    "atexit",
    "joblib",
    "psutil",
    "pynvml",
)
_CALLS = ("fork", "forkpty", "system", "popen", "kill", "killpg", "posix_spawn", "posix_spawnp", "startfile", "abort")
_CALL_FAMILIES = ("os.exec", "os.spawn")


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if any(starts_with(name, forbidden) for forbidden in _MODULES):
                yield RULE.at(module, node, Verdict.REJECTED, f"{name} starts or controls processes or threads.")
            elif _is_process_call(name):
                yield RULE.at(module, node, Verdict.REJECTED, f"{name} starts or ends processes.")
        for node in module.nodes:
            if isinstance(node, ast.Attribute | ast.Call):
                name = module.dotted(node)
                if _is_process_call(name):
                    yield RULE.at(module, node, Verdict.REJECTED, f"{name} starts or ends processes.")
                elif starts_with(name, "torch.multiprocessing") and isinstance(module.parents[node], ast.Call):
                    yield RULE.at(module, node, Verdict.REJECTED, f"{name} starts processes.")


def _is_process_call(name: str) -> bool:
    return name in {f"os.{call}" for call in _CALLS} or name.startswith(_CALL_FAMILIES)


RULE = Rule(
    id="processes",
    title="No processes or threads are started",
    why="Work in the background could go on while the clock stands still. It is frozen here, and not allowed either.",
    fix="Do the work in update_params or data_selection. If a process or thread is needed, write to the reviewers.",
    verdicts=(Verdict.REJECTED,),
    find=_find,
)
