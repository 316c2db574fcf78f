"""`python -m workloads COMMAND`: data for an edition, training without a sandbox. Each command has its own module."""

from __future__ import annotations

import argparse
import importlib
import sys

# Modules with `add_parser(commands)`; their parsers set `run`, a function from options to an exit status.
_COMMANDS = (
    "workloads.data_command",
    "workloads.train_command",
    "workloads.targets_command",
    "workloads.list_command",
    "workloads.vectors_command",
    "workloads.parity_command",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m workloads", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for module in _COMMANDS:
        importlib.import_module(module).add_parser(commands)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
