"""The same weights in both frameworks: which PyTorch tensors make up each JAX array, and how.

A leaf is described as the benchmark's parity files describe it: by PyTorch names and a list of operations in order,
which are `concat rows`, `sum`, `rows a:b` (of the first axis), `T`, `permute`, `flip` and `reshape`. The descriptions
follow from the names and shapes of both models and a table per family (`transfer_tables`), so they hold for every
variant and size. Loads without torch or jax.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from workloads.errors import TransferError
from workloads.transfer_tables import TABLES, Source

Shapes = Mapping[str, Sequence[int]]

# What a JAX name is called in PyTorch; the first one that exists.
_LEAVES: Mapping[str, tuple[str, ...]] = {
    "kernel": ("weight", "kernel"),
    "scale": ("weight", "scale"),
    "bias": ("bias",),
    "embedding": ("weight",),
    "mean": ("running_mean",),
    "var": ("running_var",),
}
_STATE = "batch_stats/"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One JAX array: its path with slashes, the PyTorch tensors it is made of, and the operations on them."""

    jax: str
    torch: tuple[str, ...]
    operations: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """From a record of a parity file."""
        names = record["torch"]
        return cls(
            jax=record["jax"],
            torch=(names,) if isinstance(names, str) else tuple(names),
            operations=tuple(record.get("ops", ())),
        )

    def value(self, arrays: Mapping[str, Any]) -> Any:
        """The JAX array from arrays by PyTorch name; NumPy and JAX arrays keep their kind, so this can be traced."""
        parts = [arrays[name] for name in self.torch]
        for operation in self.operations:
            parts = _apply(operation, parts)
        (value,) = parts
        return value


def derive(base: str, torch_shapes: Shapes, jax_shapes: Shapes) -> tuple[Leaf, ...]:
    """How every JAX leaf is made.

    Args:
        base: the base workload, which names the family.
        torch_shapes: parameters and running averages in the order of the PyTorch model.
        jax_shapes: parameters by path, and model state by path below `batch_stats`.
    Raises:
        TransferError: a leaf has no source, or a tensor is used nowhere: the two are not the same model.
    """
    sources = dict(TABLES[base](torch_shapes))
    leaves = tuple(_leaf(path, tuple(shape), sources, torch_shapes) for path, shape in jax_shapes.items())
    unused = set(torch_shapes) - {name for leaf in leaves for name in leaf.torch}
    if unused:
        raise TransferError(f"no JAX array is made of {', '.join(sorted(unused))}")
    return leaves


def carry(leaves: Iterable[Leaf], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The nested dict of JAX arrays made from PyTorch ones."""
    tree: dict[str, Any] = {}
    for leaf in leaves:
        *path, name = leaf.jax.split("/")
        node = tree
        for key in path:
            node = node.setdefault(key, {})
        node[name] = leaf.value(arrays)
    return tree


def _leaf(path: str, shape: tuple[int, ...], sources: Mapping[str, Source], torch_shapes: Shapes) -> Leaf:
    module, _, name = path.removeprefix(_STATE).rpartition("/")
    source = sources.get(path, sources.get(module))
    if source is None:
        raise TransferError(f"the JAX array {path} has no source in PyTorch")
    names = source.names if path in sources else _first_of(source.names[0], name, torch_shapes)
    missing = [candidate for candidate in names if candidate not in torch_shapes]
    if missing or not names:
        raise TransferError(f"the JAX array {path} is made of {', '.join(source.names)}, which the PyTorch model lacks")
    operations, made = _gather(source, [tuple(torch_shapes[candidate]) for candidate in names])
    if name == "kernel":
        operations, made = _reorder(operations, made, transposed=source.transposed)
    if made != shape:
        operations = [*operations, f"reshape {','.join(map(str, shape))}"]
    return Leaf(jax=path, torch=names, operations=tuple(operations))


def _first_of(module: str, name: str, torch_shapes: Shapes) -> tuple[str, ...]:
    wanted = (f"{module}.{own}" for own in _LEAVES.get(name, (name,)))
    return tuple(candidate for candidate in wanted if candidate in torch_shapes)[:1]


def _gather(source: Source, shapes: list[tuple[int, ...]]) -> tuple[list[str], tuple[int, ...]]:
    """Several tensors into one, then the rows that are meant; with the shape that results."""
    operations = [] if source.join is None else [source.join]
    rows = sum(shape[0] for shape in shapes) if source.join == "concat rows" else (shapes[0] or (1,))[0]
    made = (rows, *shapes[0][1:]) if shapes[0] else ()
    if source.part is not None:
        index, of = source.part
        count = rows // of
        operations.append(f"rows {index * count}:{(index + 1) * count}")
        made = (count, *shapes[0][1:])
    return operations, made


def _reorder(operations: list[str], shape: tuple[int, ...], *, transposed: bool) -> tuple[list[str], tuple[int, ...]]:
    """Outputs come first in PyTorch and last in JAX; transposed convolutions are also mirrored."""
    if len(shape) == 2:
        return [*operations, "T"], shape[::-1]
    if len(shape) == 4 and transposed:
        return [*operations, "flip 2,3", "permute 2,3,0,1"], tuple(shape[axis] for axis in (2, 3, 0, 1))
    axes = (*range(2, len(shape)), 1, 0)
    return [*operations, f"permute {','.join(map(str, axes))}"], tuple(shape[axis] for axis in axes)


def _apply(operation: str, parts: list[Any]) -> list[Any]:
    kind, _, argument = operation.partition(" ")
    if kind == "concat":
        return [parts[0].__array_namespace__().concat(parts)]
    if kind == "sum":
        return [sum(parts[1:], start=parts[0])]
    (value,) = parts
    if kind == "rows":
        first, last = map(int, argument.split(":"))
        return [value[first:last]]
    if kind == "T":
        return [value.T]
    if kind not in ("permute", "flip", "reshape"):
        raise TransferError(f"no operation is called {operation!r}")
    axes = tuple(map(int, argument.split(",")))
    if kind == "permute":
        return [value.transpose(axes)]
    if kind == "reshape":
        return [value.reshape(axes)]
    return [value[tuple(slice(None, None, -1 if axis in axes else 1) for axis in range(value.ndim))]]
