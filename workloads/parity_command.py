"""`python -m workloads parity`: PyTorch against JAX with the same weights, workload by workload."""

from __future__ import annotations

import argparse
import json
import sys

from workloads import registry
from workloads.errors import UnknownWorkload


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `parity`."""
    parser = commands.add_parser("parity", help="compare PyTorch with JAX, forward and gradient, with the same weights")
    parser.add_argument("names", nargs="*", metavar="WORKLOAD", help="default: all of them")
    parser.add_argument("--full", action="store_true", help="full width, on short inputs; up to 12 GB each")
    parser.add_argument("--json", action="store_true", help="one JSON object per workload and line")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """0 when every workload is within its limit, 1 when one is not, 2 for an unknown name."""
    try:
        names = [registry.get(name).name for name in options.names or registry.names()]
    except UnknownWorkload as error:
        print(f"parity: {error}", file=sys.stderr)
        return 2
    from workloads import parity  # needs both frameworks, which the other commands do without

    failed = 0
    for row in parity.rows(iter(names), full=options.full):
        print(json.dumps(parity.as_json(row)) if options.json else _sentence(row), flush=True)
        failed += not row.passed
    return int(failed > 0)


def _sentence(row: object) -> str:
    fields = vars(row)
    numbers = "  ".join(f"{key} {fields[key]:.1e}" for key in ("evaluation", "training", "gradient", "statistics"))
    note = f"  ({fields['exception']})" if fields["exception"] else ""
    return f"{fields['name']:48} {numbers}  limit {fields['limit']:.0e}{note}"
