"""The Python files of a submission as syntax trees, with the questions that rules ask of them. Nothing is executed.

Names are resolved the simple way: an import, or a name that is bound once to something imported, stands for what it
names, wherever it appears. Python can hide anything from that; rules are advice for people, never the defence.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.limits import MAX_SOURCE_BYTES, MAX_SYNTAX_NODES, MIB
from workloads.spec import Framework

SYNTAX = CheckInfo(id="python-syntax", title="Every Python file can be read by Python 3.11", stage=Stage.API)
_LINE_END = re.compile(r"\r\n|\r|\n")  # what Python's own tokenizer takes for a line end, and nothing else
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Module:
    """One parsed file. `path` is relative to the folder of submission.py."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def lines(self) -> list[str]:
        return _LINE_END.split(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, in the order of `ast.walk`."""
        return list(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def statements(self) -> dict[ast.AST, ast.stmt]:
        """Every node -> the statement of the module that holds it."""
        return {node: statement for statement in self.tree.body for node in ast.walk(statement)}

    @cached_property
    def docstrings(self) -> set[ast.AST]:
        """Texts that stand alone as a statement: docstrings and comments written as texts."""
        return {
            node.value for node in self.nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }

    @cached_property
    def texts(self) -> dict[ast.AST, str]:
        """Every text in the code, docstrings left out; one that is pieced together with + counts as one."""
        texts: dict[ast.AST, str] = {}
        for node in reversed(self.nodes):  # children first
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts[node] = node.value
            elif (
                isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and {node.left, node.right} <= texts.keys()
            ):
                texts[node] = texts[node.left] + texts[node.right]
        return {
            node: text
            for node, text in reversed(texts.items())
            if node not in self.docstrings and self.parents[node] not in texts
        }

    @cached_property
    def bound(self) -> dict[str, int]:
        """How often each name is bound without an import, as variable, parameter, function or class."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            name = ""
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                name = node.id
            elif isinstance(node, ast.arg):
                name = node.arg
            elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                name = node.name
            if name:
                counts[name] = counts.get(name, 0) + 1
        return counts

    @cached_property
    def values(self) -> dict[str, ast.AST]:
        """What each name is assigned that is bound exactly once in the file."""
        assigned: dict[str, ast.AST] = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                assigned[node.targets[0].id] = node.value
        return {name: value for name, value in assigned.items() if self.bound[name] == 1}

    @cached_property
    def imported(self) -> dict[str, str]:
        """Local name -> what it was imported as: `np` -> `numpy`, `perf_counter` -> `time.perf_counter`."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    # `import a.b` binds a, `import a.b as c` binds a.b.
                    names[alias.asname or root(alias.name)] = alias.name if alias.asname else root(alias.name)
            elif isinstance(node, ast.ImportFrom):
                origin = imported_module(node)
                for alias in node.names:
                    separator = "." if node.module else ""
                    names[alias.asname or alias.name] = f"{origin}{separator}{alias.name}"
        return names

    @cached_property
    def origins(self) -> dict[str, str]:
        """`imported`, and the names that are bound exactly once, to something imported."""
        names = dict(self.imported)
        for target, value in self.values.items():
            origin = _dotted(value, self.imported)
            if origin and target not in names and root(origin) in self.imported_roots:
                names[target] = origin
        return names

    @cached_property
    def imported_roots(self) -> set[str]:
        """The top names of everything imported."""
        return {root(origin) for origin in self.imported.values()}

    def dotted(self, node: ast.AST) -> str:
        """`np.load` -> `numpy.load`; "" where the node is no chain of names. `getattr(x, "y")` counts as `x.y`."""
        return _dotted(node, self.origins)

    def is_builtin(self, node: ast.AST, name: str) -> bool:
        """True where the node is Python's own `name` and not something the file calls the same."""
        if isinstance(node, ast.Name) and node.id == name:
            return name not in self.imported and name not in self.bound
        return self.dotted(node) == f"builtins.{name}"

    def functions_around(self, node: ast.AST) -> Iterator[Function]:
        """The functions that hold a node, innermost first."""
        for parent in self.ancestors(node):
            if isinstance(parent, _FUNCTIONS):
                yield parent

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def line(self, number: int) -> str:
        """The text of a line, for people."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sources:
    """All that rules may look at."""

    modules: tuple[Module, ...]
    files: Mapping[str, bytes]
    framework: Framework

    @cached_property
    def by_path(self) -> dict[str, Module]:
        return {module.path: module for module in self.modules}

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[tuple[Module, ast.AST]]:
        """Every node of the given kinds, file by file."""
        for module in self.modules:
            for node in module.nodes:
                if isinstance(node, kinds):
                    yield module, node

    def find_module(self, name: str, importer: Module | None = None) -> Module | None:
        """The file that an import means, or None where it lies outside the submission.

        Existing submissions spell out the folders of the machine they were first scored on, so leading parts of an
        absolute name may be missing here.
        """
        if name.startswith("."):
            return self._relative(name, importer.path if importer else "")
        parts = name.split(".")
        candidates = (parts[start:] for start in range(len(parts)))
        return next(filter(None, (self._at("/".join(rest)) for rest in candidates)), None)

    def _relative(self, name: str, importer: str) -> Module | None:
        rest = name.lstrip(".")
        folders = importer.split("/")[:-1]
        up = len(name) - len(rest) - 1
        if up > len(folders):
            return None
        return self._at("/".join([*folders[: len(folders) - up], *filter(None, rest.split("."))]))

    def _at(self, path: str) -> Module | None:
        package = f"{path}/__init__.py" if path else "__init__.py"
        return self.by_path.get(f"{path}.py") or self.by_path.get(package)


def parse(files: Mapping[str, bytes]) -> tuple[tuple[Module, ...], list[Finding]]:
    """Every Python file that can be read, and why the others cannot."""
    sources = {path: content for path, content in files.items() if path.endswith(".py")}
    if sum(map(len, sources.values())) > MAX_SOURCE_BYTES:
        message = f"The Python files are more than {MAX_SOURCE_BYTES // MIB} MB together."
        return (), [SYNTAX.finding(Verdict.REJECTED, message, "Leave out what the submission does not need.")]
    modules, findings = [], []
    for path, content in sources.items():
        try:
            modules.append(_parse(path, content))
        except _Unreadable as error:
            findings.append(
                SYNTAX.finding(
                    Verdict.REJECTED, error.message, error.fix, path=path, line=error.line, excerpt=error.excerpt
                )
            )
    return tuple(modules), findings


class _Unreadable(Exception):
    def __init__(self, message: str, fix: str, line: int = 0, excerpt: str = "") -> None:
        super().__init__(message)
        self.message, self.fix, self.line, self.excerpt = message, fix, line, excerpt


def _parse(path: str, content: bytes) -> Module:
    text = _decode(content)
    too_much = _Unreadable("The file is too long or nested too deeply to be read.", "Make it shorter and simpler.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in a text are the author's business
            tree = ast.parse(text, path)
            if sum(1 for _ in ast.walk(tree)) > MAX_SYNTAX_NODES:
                raise too_much
            # Finds what the parser alone does not, such as a return outside a function. The code object is dropped.
            compile(tree, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = error.lineno or 0
        excerpt = _LINE_END.split(text)[line - 1].strip() if 0 < line <= text.count("\n") + 1 else ""
        message = f"Python 3.11 cannot read this file: {error.msg}."
        raise _Unreadable(message, "Correct the line, or leave the file out.", line, excerpt) from None
    except (RecursionError, MemoryError):
        raise too_much from None
    except (ValueError, OverflowError) as error:
        raise _Unreadable(f"Python 3.11 cannot read this file: {error}.", "Correct it, or leave it out.") from None
    return Module(path, text, tree)


def _decode(content: bytes) -> str:
    fix = "Save the file as UTF-8 and take out any other coding line."
    if b"\0" in content:
        raise _Unreadable("The file contains NUL bytes.", fix)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError:
        raise _Unreadable("The file declares a coding that does not fit.", fix, 1) from None
    if encoding not in ("utf-8", "utf-8-sig"):
        # Python would run another text than the one that people and rules read.
        raise _Unreadable(f"The file declares the coding {encoding}; only UTF-8 is read.", fix, 1)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise _Unreadable("The file is not UTF-8 text.", fix) from None


def imported_module(node: ast.ImportFrom) -> str:
    """`from ..a import b` -> `..a`."""
    return "." * node.level + (node.module or "")


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name that a file imports: `a.b` for `import a.b` as well as for `from a import b`."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            prefix = imported_module(node)
            separator = "." if node.module else ""
            for alias in node.names:
                yield node, f"{prefix}{separator}{alias.name}"


def root(dotted: str) -> str:
    """`torch.cuda.Stream` -> `torch`."""
    return dotted.split(".", 1)[0]


def starts_with(dotted: str, prefix: str) -> bool:
    """True where a dotted name is `prefix` or lies below it."""
    return dotted == prefix or dotted.startswith(f"{prefix}.")


def text_of(node: ast.AST) -> str | None:
    """The text a node is, also where it is pieced together from constant texts with +."""
    parts: list[str] = []
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            parts.append(part.value)
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            waiting += [part.right, part.left]
        else:
            return None
    return "".join(parts)


def _dotted(node: ast.AST, origins: Mapping[str, str]) -> str:
    parts: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call) and _is_plain_getattr(node):
            parts.append(text_of(node.args[1]) or "")
            node = node.args[0]
        else:
            return ""
    return ".".join([origins.get(node.id, node.id), *reversed(parts)])


def _is_plain_getattr(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) >= 2
        and text_of(node.args[1]) is not None
    )
