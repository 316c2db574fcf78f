"""`python -m workloads data build|verify`: the data of an edition, from pinned packages."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from workloads import editions
from workloads.data_build import build
from workloads.editions import mini
from workloads.errors import DataError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data` with its two subcommands."""
    actions = commands.add_parser("data", help="build or verify the data of an edition").add_subparsers(required=True)
    builder = actions.add_parser("build", help="fetch the packages and make the arrays, unless they are there already")
    builder.add_argument("--packages", type=Path, help="folder to take packages from, and to leave downloads in")
    builder.add_argument("--write-manifest", action="store_true", help="record what is built as a new revision")
    builder.set_defaults(run=_build)
    verifier = actions.add_parser("verify", help="compare every file with the manifest")
    verifier.set_defaults(run=_verify)
    for parser in (builder, verifier):
        parser.add_argument("--edition", choices=["mini"], default="mini")
        parser.add_argument("--to", type=Path, metavar="DIR", help="the data folder (default: the edition's own)")


def _build(options: argparse.Namespace) -> int:
    directory = options.to or editions.data_directory(options.edition)
    if options.packages is not None:
        options.packages.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        if options.write_manifest:
            _write_manifest(options.packages)
        if build.build(directory, mini.manifest(), options.packages, _say):
            _say(f"built in {time.monotonic() - started:.0f} s")
    except DataError as error:
        print(f"data build: {error}", file=sys.stderr)
        return 1
    return 0


def _verify(options: argparse.Namespace) -> int:
    directory = options.to or editions.data_directory(options.edition)
    try:
        build.verify(directory, mini.manifest())
    except DataError as error:
        print(f"data verify: {error}", file=sys.stderr)
        return 1
    _say(f"{directory} is complete")
    return 0


def _write_manifest(packages: Path | None) -> None:
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "data"
        build.make(made, mini.manifest(), packages or Path(work), _say)
        document = build.record(made, mini.manifest())
    mini.MANIFEST_PATH.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _say(line: str) -> None:
    print(f"data: {line}", file=sys.stderr, flush=True)
