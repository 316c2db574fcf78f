"""JSON and YAML of strangers: small, shallow, without repeated keys, without numbers that are not numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from sandbox_runner.compliance.limits import KIB, MAX_DOCUMENT_DEPTH

_MAX_DIGITS = 30


class DocumentError(Exception):
    """A file that cannot be read; the message is a sentence for its author."""


def read_json(content: bytes, limit: int) -> Any:
    """A JSON document.

    Raises:
        DocumentError: too large, too deep, not JSON, or JSON that two programs read differently.
    """
    text = _text(content, limit)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
            parse_int=_bounded_integer,
            parse_float=_finite_number,
        )
    except json.JSONDecodeError as error:
        raise DocumentError(f"Line {error.lineno} is not JSON: {error.msg}.") from None
    except RecursionError:
        raise DocumentError("The document is nested too deeply.") from None
    if _depth(document) > MAX_DOCUMENT_DEPTH:
        raise DocumentError(f"The document is nested deeper than {MAX_DOCUMENT_DEPTH} levels.")
    return document


def read_yaml(content: bytes, limit: int) -> Any:
    """A YAML document of plain values, without aliases.

    Raises:
        DocumentError: too large, too deep, not YAML, or YAML that asks for more than plain values.
    """
    text = _text(content, limit)
    try:
        loader = _PlainLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f"Line {error.problem_mark.line + 1}" if error.problem_mark else "The file"
        raise DocumentError(f"{line} is not plain YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError:
        raise DocumentError("The file is not YAML.") from None
    except (ValueError, RecursionError, OverflowError, AttributeError, TypeError):
        raise DocumentError("The file holds a value that cannot be read; put texts into quotes.") from None


class _PlainLoader(yaml.SafeLoader):
    """The safe loader, which refuses aliases, deep nesting and repeated keys as well."""

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise DocumentError("The file uses an alias (*name); write the value out instead.")
        self._level += 1
        if self._level > MAX_DOCUMENT_DEPTH:
            raise DocumentError(f"The file is nested deeper than {MAX_DOCUMENT_DEPTH} levels.")
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if names.count(name) > 1:
                raise DocumentError(f'The key "{name[:60]}" stands in the file twice.')
        return super().construct_mapping(node, deep=deep)


def _text(content: bytes, limit: int) -> str:
    if len(content) > limit:
        raise DocumentError(f"The file is {len(content) // KIB} KB, at most {limit // KIB} KB are read.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError("The file is not UTF-8 text.") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) == len(pairs):
        return document
    names = [name for name, _ in pairs]
    twice = next(name for name in document if names.count(name) > 1)
    raise DocumentError(f'The key "{twice[:60]}" stands in one object twice.')


def _refuse_constant(constant: str) -> None:
    raise DocumentError(f"{constant} is not a JSON value; write a finite number.")


def _bounded_integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise DocumentError(f"An integer has {len(digits)} digits; that is too large.")
    return int(digits)


def _finite_number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise DocumentError(f"{digits[:_MAX_DIGITS]} is too large for a number.")
    return number


def _depth(document: Any) -> int:
    deepest = 0
    waiting = [(document, 1)]
    while waiting:
        value, level = waiting.pop()
        children = list(_children(value))
        deepest = max(deepest, level if children or isinstance(value, dict | list) else level - 1)
        waiting.extend((child, level + 1) for child in children)
    return deepest


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
