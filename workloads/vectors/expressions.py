"""The arithmetic that a vector file describes its arrays with: numbers, names, calls of known functions, + - *."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from workloads.errors import VectorsError

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
}


def evaluate(text: str, names: Mapping[str, Any], functions: Mapping[str, Callable[[str], Any]]) -> Any:
    """The value of a formula such as `g('a') + 0.1 * g('b')`.

    Raises:
        VectorsError: it holds anything else; nothing of it is run.
    """

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return _OPERATORS[type(operator)](value(left), value(right))
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as argument)], keywords=[]):
                if name in functions:
                    return functions[name](argument)
        raise VectorsError(f"the formula {text!r} holds something that is not arithmetic: {ast.unparse(node)}")

    try:
        return value(ast.parse(text, mode="eval").body)
    except SyntaxError as error:
        raise VectorsError(f"the formula {text!r} cannot be read") from error
