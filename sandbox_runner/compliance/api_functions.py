"""Does submission.py offer the functions of the submission API, with the parameters the trainer calls them with?

Source: AlgoPerf protocol reference, section 1.3. The trainer calls `update_params` and `prepare_for_eval` with
keywords, the others by position; `train_state` is only passed where it is asked for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance import definitions
from sandbox_runner.compliance.definitions import Definition
from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.source import Sources
from workloads.api import SUBMISSION_FUNCTIONS

FUNCTIONS = CheckInfo(id="api-functions", title="The functions of the submission API are there", stage=Stage.API)
PARAMETERS = CheckInfo(id="api-parameters", title="They take the parameters they are called with", stage=Stage.API)
MAIN = "submission.py"
OPTIONAL = "prepare_for_eval"
_KEYWORD_CALLED = {"update_params", "prepare_for_eval"}
_ON_REQUEST = {"train_state"}


def check_functions(sources: Sources) -> Iterator[Finding]:
    """Missing functions, and names that are bound to something that cannot be called as one."""
    main = sources.by_path.get(MAIN)
    if main is None:
        yield _no_main(sources)
        return
    for name, parameters in SUBMISSION_FUNCTIONS.items():
        definition = definitions.find(sources, main, name)
        if definition is None:
            yield _missing(name, parameters)
        elif problem := _not_a_function(definition.node):
            yield _at(definition, FUNCTIONS, Verdict.REJECTED, f"{name} {problem}.", f"Write: {_signature(name)}")
    extra = definitions.find(sources, main, "get_eval_batch_size")
    if extra is not None:
        message = "get_eval_batch_size is not called: the evaluation batch size belongs to the benchmark."
        yield _at(extra, FUNCTIONS, Verdict.NOTE, message, "Nothing to do; it may be taken out.")


def check_parameters(sources: Sources) -> Iterator[Finding]:
    """Functions that would fail, or mix up their arguments, the moment they are called."""
    main = sources.by_path.get(MAIN)
    if main is None:
        return
    for name, parameters in SUBMISSION_FUNCTIONS.items():
        definition = definitions.find(sources, main, name)
        if definition is None or _not_a_function(definition.node):
            continue
        if definition.arguments is None:
            message = f"{name} is not written out as a function here, so its parameters could not be read."
            yield _at(
                definition, PARAMETERS, Verdict.NOTE, message, f"Make sure it can be called as {_signature(name)}"
            )
            continue
        check = _keyword_problem if name in _KEYWORD_CALLED else _positional_problem
        if problem := check(definition.arguments, parameters):
            verdict = Verdict.REVIEW if getattr(definition.node, "decorator_list", []) else Verdict.REJECTED
            yield _at(definition, PARAMETERS, verdict, f"{name} {problem}.", f"Write: {_signature(name)}")


def _no_main(sources: Sources) -> Finding:
    if MAIN in sources.files:
        message, fix = f"{MAIN} could not be read.", "Correct it first."
    else:
        elsewhere = next((path for path in sources.files if path.endswith(f"/{MAIN}")), "")
        message = f"{MAIN} is missing at the top of the archive" + (f"; there is {elsewhere}." if elsewhere else ".")
        fix = f"Zip the folder that holds {MAIN} directly."
    return FUNCTIONS.finding(Verdict.REJECTED, message, fix, path=MAIN)


def _missing(name: str, parameters: tuple[str, ...]) -> Finding:
    if name == OPTIONAL:
        message = f"{name} is not defined; evaluations use the parameters that update_params returned last."
        return FUNCTIONS.finding(Verdict.NOTE, message, f"Nothing to do, or write: {_signature(name)}", path=MAIN)
    return FUNCTIONS.finding(
        Verdict.REJECTED, f"The function {name} is missing.", f"Add it: {_signature(name)}", path=MAIN
    )


def _not_a_function(node: ast.AST) -> str:
    if isinstance(node, ast.ClassDef):
        return "is a class, not a function"
    if isinstance(node, ast.AsyncFunctionDef):
        return "is an async function, which would return a coroutine instead of its result"
    if isinstance(node, ast.FunctionDef) and _yields(node):
        return "contains yield, so that calling it would return a generator instead of its result"
    return "is a constant, not a function" if isinstance(node, ast.Constant) else ""


def _yields(function: ast.FunctionDef) -> bool:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def _keyword_problem(arguments: ast.arguments, parameters: tuple[str, ...]) -> str:
    wanted = [name for name in parameters if name not in _ON_REQUEST]
    accepted = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    if arguments.kwarg is None and (missing := [name for name in wanted if name not in accepted]):
        return f"is called with keywords and lacks {_listed(missing)}"
    by_position = [argument.arg for argument in arguments.posonlyargs]
    if by_position:
        return f"is called with keywords, but takes {_listed(by_position)} by position only"
    if surplus := [name for name in _required(arguments) if name not in parameters]:
        return f"asks for {_listed(surplus)}, which it is not given"
    return ""


def _positional_problem(arguments: ast.arguments, parameters: tuple[str, ...]) -> str:
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = len(positional) - len(arguments.defaults)
    count = len(parameters)
    if required > count or (len(positional) < count and arguments.vararg is None):
        plural = "value" if count == 1 else "values"
        return f"is called with {count} {plural} by position and takes {len(positional)}"
    if surplus := [name for name in _required(arguments) if name not in positional]:
        return f"asks for {_listed(surplus)}, which it is not given"
    names = positional[:count]
    if names != list(parameters) and set(names) == set(parameters):
        return f"is called by position, and its parameters stand in another order than {_listed(parameters)}"
    return ""


def _required(arguments: ast.arguments) -> list[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    without_default = positional[: len(positional) - len(arguments.defaults)]
    keywords = [
        argument
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return [argument.arg for argument in (*without_default, *keywords)]


def _signature(name: str) -> str:
    parameters = [f"{name}=None" if name in _ON_REQUEST else name for name in SUBMISSION_FUNCTIONS[name]]
    return f"def {name}({', '.join(parameters)})"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)


def _at(definition: Definition, check: CheckInfo, verdict: Verdict, message: str, fix: str) -> Finding:
    line = getattr(definition.node, "lineno", 0)
    module = definition.module
    return check.finding(verdict, message, fix, path=module.path, line=line, excerpt=module.line(line))
