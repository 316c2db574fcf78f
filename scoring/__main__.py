"""`python -m scoring PATH`: the board that logs make, as JSON or as a table."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from scoring import RULE_SETS, Board, ScoringError, rule_set, score_board
from scoring.axes import Axes, Task, read_targets
from scoring.logs import open_logs
from scoring.logs.times import BoardTimes, board_times
from scoring.report import as_document, as_table
from workloads import editions

EXIT_OK, EXIT_INPUT = 0, 2
RULESETS = ("external", "self_tuning")


def main(arguments: list[str] | None = None) -> int:
    """Prints the board; 2 for logs or targets that cannot be scored, with one line on the standard error."""
    options = _parser().parse_args(arguments)
    try:
        board, times, axes = score_logs(options)
    except ScoringError as error:
        print(f"python -m scoring: {error}", file=sys.stderr)
        return EXIT_INPUT
    if options.json:
        print(
            json.dumps(as_document(board, edition=options.edition, ruleset=options.ruleset, budgets_s=axes.budgets_s))
        )
    else:
        print(as_table(board, times, edition=options.edition, ruleset=options.ruleset, budgets_s=axes.budgets_s))
    return EXIT_OK


def score_logs(options: argparse.Namespace) -> tuple[Board, BoardTimes, Axes]:
    """Read, select, score.

    Raises:
        ScoringError: what was wrong with the logs or the targets.
    """
    axes = edition_axes(options.edition, options.ruleset)
    if options.targets:
        axes = read_targets(options.targets, budgets_s=axes.budgets_s, studies=axes.studies, tau_max=axes.tau_max)
    rules = rule_set(options.rules)
    with open_logs(options.path, edition=options.edition, ruleset=options.ruleset) as logs:
        times = board_times(logs.read(details=False), axes, rules)
        times = times.with_skipped(logs.skipped)
    board = score_board(times.times_s, base=list(axes.base), held_out=axes.held_out, rules=rules, tau_max=axes.tau_max)
    return board, times, axes


def edition_axes(name: str, ruleset: str) -> Axes:
    """What an edition of the benchmark scores under one ruleset."""
    edition = editions.load(name)
    side = next(side for side in edition.studies if side == ruleset)

    def task(workload: Any) -> Task:
        return Task(
            metric=workload.metric.name,
            higher_is_better=workload.metric.higher_is_better,
            target=workload.target.validation,
            budget_s=edition.budget_s(workload, side),
        )

    names = {workload.base: workload.name for workload in edition.workloads}
    return Axes(
        base={workload.name: task(workload) for workload in edition.workloads},
        variants={workload.name: task(workload) for workload in edition.held_out},
        held_out={workload.name: names[workload.base] for workload in edition.held_out},
        studies=edition.studies[side],
        tau_max=edition.tau_max,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scoring", description=__doc__)
    parser.add_argument("path", type=Path, help="compact tables, a folder in the original layout, or a .tar.gz of it")
    parser.add_argument("--edition", required=True, choices=editions.names(), help="the version the logs are of")
    parser.add_argument("--ruleset", required=True, choices=RULESETS, help="who tuned")
    parser.add_argument("--rules", default="published", choices=tuple(RULE_SETS), help="default: %(default)s")
    parser.add_argument("--targets", type=Path, metavar="FILE", help="a targets file; default: those of the edition")
    parser.add_argument("--json", action="store_true", help="one JSON document; default: a table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
