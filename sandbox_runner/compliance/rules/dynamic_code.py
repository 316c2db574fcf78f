"""What runs is what stands in the files."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources, imports, starts_with, text_of

_BUILTINS = ("eval", "exec", "compile", "__import__")
_MODULES = ("importlib", "imp", "marshal", "runpy", "code", "codeop", "zipimport", "pkgutil", "dill", "cloudpickle")
_MAKERS = ("types.FunctionType", "types.CodeType", "types.LambdaType", "types.ModuleType")
_SERIALISED = ("pickle", "shelve")
_DECODERS = (
    "base64",
    "binascii.unhexlify",
    "binascii.a2b_base64",
    "zlib.decompress",
    "lzma.decompress",
    "bz2.decompress",
    "gzip.decompress",
    "codecs.decode",
    "bytes.fromhex",
    "bytearray.fromhex",
)
_OPAQUE_ATTRIBUTES = {"__import__", "__builtins__", "__loader__", "__spec__", "__code__"}
_STEERING = ("os", "sys", "torch", "jax", "builtins", "time", "workload", "gc")


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if any(starts_with(name, forbidden) for forbidden in _MODULES):
                yield RULE.at(module, node, Verdict.REVIEW, f"{name} loads or makes code while the submission runs.")
        for node in module.nodes:
            if found := _found(module, node):
                verdict, message = found
                yield RULE.at(module, node, verdict, message)


def _found(module: Module, node: ast.AST) -> tuple[Verdict, str] | None:
    if isinstance(node, ast.Name):
        return _builtin(module, node)
    if isinstance(node, ast.Attribute):
        name = module.dotted(node)
        if name in _MAKERS or node.attr in _OPAQUE_ATTRIBUTES:
            return Verdict.REVIEW, f"{node.attr} reaches code objects."
        if any(name == f"builtins.{builtin}" for builtin in _BUILTINS):
            return Verdict.REVIEW, f"{name} runs code that stands in no file."
    if isinstance(node, ast.Call):
        return _call(module, node)
    return None


def _builtin(module: Module, node: ast.Name) -> tuple[Verdict, str] | None:
    if any(module.is_builtin(node, builtin) for builtin in _BUILTINS):
        return Verdict.REVIEW, f"{node.id} runs code that stands in no file."
    if node.id == "__builtins__":
        return Verdict.REVIEW, "__builtins__ reaches every function by a name made while running."
    return None


def _call(module: Module, node: ast.Call) -> tuple[Verdict, str] | None:
    name = module.dotted(node.func)
    if any(starts_with(name, decoder) for decoder in _DECODERS):
        return Verdict.REVIEW, f"{name} unpacks something that nobody can read in the file."
    if any(starts_with(name, module_name) for module_name in _SERIALISED):
        return Verdict.NOTE, f"{name} reads or writes Python objects as bytes."
    if any(module.is_builtin(node.func, scope) for scope in ("globals", "locals")):
        return Verdict.NOTE, f"{name}() reaches variables by names made while running."
    if module.is_builtin(node.func, "getattr") and len(node.args) > 1 and text_of(node.args[1]) is None:
        owner = module.dotted(node.args[0])
        verdict = Verdict.REVIEW if owner in _STEERING else Verdict.NOTE
        return verdict, f"getattr({owner or '…'}, …) chooses a function by a name made while running."
    return None


RULE = Rule(
    id="dynamic-code",
    title="All code stands in the files",
    why="Reviewers and rules read files. Nobody can read code that is made, loaded or unpacked while running.",
    fix="Write the code out; choose between functions with if or a dict of functions.",
    verdicts=(Verdict.NOTE, Verdict.REVIEW),
    find=_find,
)
