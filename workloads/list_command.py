"""`python -m workloads list`: every workload and variant in both frameworks, with sizes, targets and budgets."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from workloads import editions, registry
from workloads.errors import UnknownWorkload
from workloads.parameters import parameter_table
from workloads.spec import Edition, Framework, Ruleset, Workload

_FULL_SIZE = "v0.6"  # the edition whose numbers the workloads' own files hold


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `list`."""
    parser = commands.add_parser("list", help="list workloads and variants with sizes, targets and budgets")
    parser.add_argument("--json", action="store_true", help="a JSON array, one row a line")
    parser.add_argument("--edition", help="only workloads of this edition, at its size (default: all, at full size)")
    parser.add_argument("--framework", choices=list(Framework), help="only this framework")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    frameworks = list(Framework) if options.framework is None else [Framework(options.framework)]
    try:
        found = rows(options.edition, frameworks)
        if options.json:
            print("[\n" + ",\n".join(json.dumps(row) for row in found) + "\n]")
        else:
            _print_table(found)
    except UnknownWorkload as error:
        print(f"list: {error}", file=sys.stderr)
        return 2
    return 0


def rows(edition_name: str | None, frameworks: list[Framework]) -> Iterator[dict[str, Any]]:
    """One row per workload and framework, base workloads first.

    Raises:
        UnknownWorkload: no such edition.
    """
    edition = editions.load(edition_name or _FULL_SIZE)
    if edition_name is None:
        workloads = tuple(registry.get(name) for name in registry.names())
    else:
        workloads = (*edition.workloads, *edition.held_out)
    for workload in workloads:
        for framework in frameworks:
            yield _row(workload, framework, edition)


def _row(workload: Workload, framework: Framework, edition: Edition) -> dict[str, Any]:
    """`edition` is the one whose numbers these are, `editions` are all that run the workload; budgets in seconds."""
    table = parameter_table(workload, framework)
    return {
        "name": workload.name,
        "base": workload.base,
        "framework": framework.value,
        "edition": edition.name,
        "editions": [name for name in editions.names() if _has(editions.load(name), workload.name)],
        "parameters": table.total,
        "tensors": len(table.parameters),
        "metric": workload.metric.name,
        "direction": "higher" if workload.metric.higher_is_better else "lower",
        "targets": {"validation": workload.target.validation, "test": workload.target.test},
        "budgets": {ruleset.value: edition.budget_s(workload, ruleset) for ruleset in Ruleset},
        "step_hint": workload.step_hint,
        "eval_period_s": workload.eval_period_s,
        "batch_size": workload.batch_size,
    }


def _has(edition: Edition, name: str) -> bool:
    return any(workload.name == name for workload in (*edition.workloads, *edition.held_out))


def _print_table(found: Iterator[dict[str, Any]]) -> None:
    for row in found:
        better = ">" if row["direction"] == "higher" else "<"
        print(
            f"{row['name']:<44} {row['framework']:<8} {row['parameters']:>11,} in {row['tensors']:>3}  "
            f"{row['metric']} {better} {row['targets']['validation']:g}  {row['budgets']['external']:g} s",
            flush=True,
        )
