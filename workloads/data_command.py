"""`python -m workloads data build|verify`: the data of an edition, from pinned packages."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from workloads import editions
from workloads.data_build import build
from workloads.editions import mini
from workloads.errors import DataError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data` with its subcommands."""
    actions = commands.add_parser("data", help="build or verify the data of an edition").add_subparsers(required=True)
    builder = actions.add_parser("build", help="fetch the packages and make the arrays, unless they are there already")
    builder.add_argument("--packages", type=Path, help="folder to take packages from, and to leave downloads in")
    builder.add_argument("--write-manifest", action="store_true", help="record what is built as a new revision")
    builder.add_argument(
        "--dataset", nargs="+", metavar="NAME", choices=sorted(mini.manifest()["datasets"]), help="only these datasets"
    )
    builder.set_defaults(run=_build)
    verifier = actions.add_parser("verify", help="compare every file with the manifest")
    verifier.set_defaults(run=_verify)
    for parser in (builder, verifier):
        parser.add_argument("--edition", choices=["mini"], default="mini")
        parser.add_argument("--to", type=Path, metavar="DIR", help="the data folder (default: the edition's own)")


def _build(options: argparse.Namespace) -> int:
    """0 when every dataset asked for is there in the end."""
    directory = options.to or editions.data_directory(options.edition)
    if options.packages is not None:
        options.packages.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if options.write_manifest:
        document, failures = build.record(directory, mini.manifest(), options.packages, _say, options.dataset)
        _keep(document, set(options.dataset or document["datasets"]) - set(failures))
    else:
        failures = build.build(directory, mini.manifest(), options.packages, _say, options.dataset)
    for dataset, error in failures.items():
        print(f"data build: {dataset}: {error}", file=sys.stderr)
    if failures:
        print(f"data build: not usable: {', '.join(failures)}; what else there is stays usable", file=sys.stderr)
        return 1
    _say(f"{directory} is complete after {time.monotonic() - started:.0f} s")
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


def _keep(document: dict[str, object], datasets: Iterable[str]) -> None:
    """Puts the new records of these datasets into the manifest as it is now, in one move."""
    current = mini.manifest()
    for dataset in datasets:
        current["datasets"][dataset]["files"] = document["datasets"][dataset]["files"]  # type: ignore[index]
    changed = mini.MANIFEST_PATH.with_suffix(".new")
    changed.write_text(json.dumps(current, indent=1, ensure_ascii=False) + "\n")
    changed.replace(mini.MANIFEST_PATH)


def _say(line: str) -> None:
    print(f"data: {line}", file=sys.stderr, flush=True)
