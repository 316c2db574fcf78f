"""Sizes, budgets and shapes may be used, but not as a fingerprint that recognises one workload."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Function, Module, Sources
from sandbox_runner.compliance.workload_words import NUMBERS

_SIZES = {
    "step_hint",
    "num_train_examples",
    "num_eval_train_examples",
    "num_validation_examples",
    "num_test_examples",
    "validation_target_value",
    "test_target_value",
    "max_allowed_runtime_sec",
    "eval_period_time_sec",
    "eval_batch_size",
    "train_mean",
    "train_stddev",
}
_SHAPES = {"shape", "shape_tuple", "param_shapes", "size"}
_COUNTS = {"numel", "nelement", "param_count", "num_params", "n_params", "num_parameters"}
_DIGESTS = {"hash", "hexdigest", "digest", "crc32", "adler32"}
_HARMLESS = {-1, 0, 1, 2}
_SMALLEST_COUNT = 1000  # comparing a parameter count with less than this only tells small layers from large ones
_SMALLEST_SIDE = 16  # kernels of 3 by 3 are a kind of layer, a side of 2048 belongs to one model
_EXACT = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
_PASSED_ON = {"int", "float", "round", "abs", "str", "tuple", "list"}


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        names = _names_of_sizes(module)
        for node in module.nodes:
            if message := _message(module, node, names):
                yield RULE.at(module, node, Verdict.REVIEW, message)


def _message(module: Module, node: ast.AST, names: dict[ast.AST | None, set[str]]) -> str:
    if isinstance(node, ast.Compare):
        return _compared(module, node, names)
    if isinstance(node, ast.Match) and (size := _size_in(module, node.subject, names)):
        return f"{size} is matched against fixed values."
    if isinstance(node, ast.Subscript | ast.Call) and (key := _table_key(module, node)) is not None:
        size = _size_in(module, key, names) or _shape_in(module, key)
        return f"{size} chooses from a table of fixed values." if size else ""
    if isinstance(node, ast.Constant) and _is_known_number(module, node):
        return f"{node.value!r} is a size, budget or target of one workload."
    return ""


def _compared(module: Module, node: ast.Compare, names: dict[ast.AST | None, set[str]]) -> str:
    sides = [node.left, *node.comparators]
    fixed = [value for side in sides for value in _fixed_values(module, side)]
    exact = any(isinstance(operator, _EXACT) for operator in node.ops)
    if (
        exact
        and any(map(_is_digest, sides))
        and any(isinstance(side, ast.Constant | ast.Set | ast.Dict) for side in sides)
    ):
        return "A hash is compared with a fixed value."
    for side in sides:
        if (size := _size_in(module, side, names)) and any(value not in _HARMLESS for value in fixed):
            return f"{size} is compared with a fixed value."
        if exact and (shape := _shape_in(module, side)) and any(_tells_models_apart(value) for value in fixed):
            return f"{shape} is compared with a fixed value."
    return ""


def _tells_models_apart(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) > 1 and any(isinstance(part, int) and part >= _SMALLEST_SIDE for part in value)
    return isinstance(value, int) and value >= _SMALLEST_COUNT


def _fixed_values(module: Module, node: ast.AST, hops: int = 2) -> Iterator[object]:
    """The literal values a side of a comparison offers: a number, a tuple, or the members of a collection of those."""
    value = _literal(node)
    if value is not None:
        yield value
        if isinstance(value, tuple):
            yield from value
    elif isinstance(node, ast.Dict):
        yield from (literal for key in node.keys if key is not None and (literal := _literal(key)) is not None)
    elif isinstance(node, ast.Set | ast.List | ast.Tuple):
        yield from (literal for element in node.elts if (literal := _literal(element)) is not None)
    elif isinstance(node, ast.Name) and hops and node.id in module.values:
        yield from _fixed_values(module, module.values[node.id], hops - 1)


def _literal(node: ast.AST) -> object:
    """A number, or a tuple or list of numbers; None for everything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _literal(node.operand)
        return -inner if isinstance(inner, int | float) else None
    if isinstance(node, ast.Constant):
        number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        return node.value if number else None
    if isinstance(node, ast.Tuple | ast.List) and node.elts:
        parts = [element.value if isinstance(element, ast.Constant) else None for element in node.elts]
        return tuple(parts) if all(isinstance(part, int | float) for part in parts) else None
    return None


def _table_key(module: Module, node: ast.Subscript | ast.Call) -> ast.AST | None:
    """The key of a look-up in a dict that is written out with fixed keys; None for other nodes."""
    if isinstance(node, ast.Subscript):
        table, key = node.value, node.slice
    elif isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "__getitem__") and node.args:
        table, key = node.func.value, node.args[0]
    else:
        return None
    written = module.values.get(table.id) if isinstance(table, ast.Name) else table
    if not isinstance(written, ast.Dict) or len(written.keys) < 2:
        return None
    return key if all(isinstance(part, ast.Constant | ast.Tuple) for part in written.keys) else None


def _names_of_sizes(module: Module) -> dict[ast.AST | None, set[str]]:
    """Per function: the variables that hold nothing but a size of the workload."""
    names: dict[ast.AST | None, set[str]] = {}
    for node in module.nodes:
        if isinstance(node, ast.Assign) and _is_only_size(node.value):
            scope = next(module.functions_around(node), None)
            names.setdefault(scope, set()).update(t.id for t in node.targets if isinstance(t, ast.Name))
    return names


def _is_only_size(node: ast.AST) -> bool:
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PASSED_ON and node.args:
        node = node.args[0]
    return isinstance(node, ast.Attribute) and node.attr in _SIZES


def _size_in(module: Module, node: ast.AST, names: dict[ast.AST | None, set[str]]) -> str:
    """The size of a workload an expression contains, or ""."""
    scopes: Iterable[Function | None] = [*module.functions_around(node), None]
    held = set().union(*(names.get(scope, set()) for scope in scopes))
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in _SIZES:
            return part.attr
        if isinstance(part, ast.Name) and part.id in held:
            return part.id
    return ""


def _shape_in(module: Module, node: ast.AST) -> str:
    """The shape or parameter count an expression contains, or ""."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in _SHAPES | _COUNTS:
            indexed = isinstance(module.parents.get(part), ast.Subscript)
            if not indexed:
                return part.attr
        if isinstance(part, ast.Name) and part.id in _COUNTS:
            return part.id
    return ""


def _is_digest(node: ast.AST) -> bool:
    """True for an expression that holds a call of a hash function."""
    functions = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return any(
        (function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")) in _DIGESTS
        for function in functions
    )


def _is_known_number(module: Module, node: ast.Constant) -> bool:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or node.value not in NUMBERS:
        return False
    return not any(function.name == "get_batch_size" for function in module.functions_around(node))


RULE = Rule(
    id="fingerprints",
    title="No workload is recognised by its sizes",
    why="Sizes, budgets and shapes may scale a method. Compared with fixed values they recognise a known workload.",
    fix="Use the value in a formula that makes sense for any workload, without fixed values of known ones.",
    verdicts=(Verdict.REVIEW,),
    find=_find,
)
