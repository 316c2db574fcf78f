"""`python -m workloads targets`: sets an edition's targets by procedure, confirms them, and prints them as a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workloads import editions
from workloads.errors import TargetsError
from workloads.spec import Edition, Framework, Workload
from workloads.targets import results
from workloads.targets.confirm import confirm
from workloads.targets.procedure import Procedure, Settings, default_state
from workloads.targets.store import Store

_LIMIT_MINUTES = 40  # of training for a base workload, on one core


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `targets`."""
    defaults = Settings()
    parser = commands.add_parser("targets", help="set an edition's targets: tune four algorithms, repeat the best")
    parser.add_argument("--edition", choices=["mini"], default="mini", help="the others' targets are published")
    parser.add_argument("--workloads", nargs="+", metavar="NAME", help="default: all, held-out variants last")
    parser.add_argument("--points", type=_positive, default=defaults.points, help="an algorithm (default: 6)")
    parser.add_argument(
        "--variant-points", type=_positive, default=defaults.variant_points, help="for held-out variants (default: 2)"
    )
    parser.add_argument("--seeds", type=_positive, default=defaults.seeds, help="repeats of the best (default: 3)")
    parser.add_argument("--framework", choices=list(Framework), default=Framework.PYTORCH)
    parser.add_argument("--jobs", type=_positive, default=1, help="runs at a time, each on one core (default: 1)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where finished runs are kept between calls")
    parser.add_argument("--results", type=Path, metavar="DIR", default=results.FOLDER, help="where records go")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--confirm", action="store_true", help="only: try existing records in the other framework")
    other.add_argument("--table", action="store_true", help="only: print existing records as a table")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """0 when everything was set or confirmed, 1 when a target does not separate or a run failed to begin, 2 for a name
    that the edition does not have."""
    edition = editions.load(options.edition)
    try:
        workloads = [edition.workload(name) for name in options.workloads or _names(edition)]
    except KeyError as error:
        print(f"targets: {error.args[0]}", file=sys.stderr)
        return 2
    if options.table:
        print("\n".join(results.table(edition, options.results)))
        return 0
    try:
        return _confirm(edition, workloads, options.results) if options.confirm else _set(edition, workloads, options)
    except TargetsError as error:
        _say(str(error))
        return 1


def _set(edition: Edition, workloads: list[Workload], options: argparse.Namespace) -> int:
    settings = Settings(
        framework=options.framework,
        points=options.points,
        variant_points=options.variant_points,
        seeds=options.seeds,
    )
    procedure = Procedure(edition, settings, Store(options.state or default_state()), options.jobs, _say)
    for workload in workloads:
        record = results.document(procedure.findings(workload), settings)
        before = results.read(workload.name, options.results)
        if before is not None and before["target"] == record["target"] and "confirmed" in before:
            record["confirmed"] = before["confirmed"]
        path = results.write(record, options.results)
        _say(f"{workload.name}: {record['target']}, in {path}")
        if record["trained_s"] > 60 * _LIMIT_MINUTES:
            _say(f"{workload.name} took {record['trained_s'] / 60:.0f} minutes, it should be {_LIMIT_MINUTES} at most")
    return 0


def _confirm(edition: Edition, workloads: list[Workload], folder: Path) -> int:
    status = 0
    for workload in workloads:
        record = results.read(workload.name, folder)
        if record is None:
            raise TargetsError(f"{workload.name} has no record in {folder}: run `targets` without --confirm first")
        record["confirmed"] = confirm(edition, record, _say)
        results.write(record, folder)
        for objection in record["confirmed"]["objections"]:
            _say(f"{workload.name}: {objection}")
            status = 1
    return status


def _names(edition: Edition) -> list[str]:
    return [workload.name for workload in (*edition.workloads, *edition.held_out)]


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("has to be 1 or more")
    return value


def _say(line: str) -> None:
    print(f"targets: {line}", file=sys.stderr, flush=True)
