"""`python -m workloads data build|prepare|verify`: mini data from pinned packages, full-size data from its sources."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from workloads import data_prepare, editions
from workloads.data_build import build
from workloads.data_prepare.run import prepare
from workloads.data_prepare.verify import verify
from workloads.editions import mini
from workloads.errors import DataError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data` with its subcommands."""
    actions = commands.add_parser("data", help="make or verify data").add_subparsers(required=True)
    _add_build(actions.add_parser("build", help="fetch pinned packages and make the mini edition's arrays of them"))
    _add_prepare(actions.add_parser("prepare", help="make a full-size dataset from what its owners hand out"))
    _add_verify(actions.add_parser("verify", help="compare data with its manifest, file by file"))


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--packages", type=Path, help="folder to take packages from, and to leave downloads in")
    parser.add_argument("--write-manifest", action="store_true", help="record what is built as a new revision")
    parser.add_argument(
        "--dataset", nargs="+", metavar="NAME", choices=sorted(mini.manifest()["datasets"]), help="only these datasets"
    )
    parser.add_argument("--edition", choices=["mini"], default="mini")
    parser.add_argument("--to", type=Path, metavar="DIR", help="the data folder (default: the edition's own)")
    parser.set_defaults(run=_build)


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=data_prepare.DATASETS)
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="DIR", help="the raw files")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder of all prepared datasets")
    _add_workers(parser)
    parser.set_defaults(run=_prepare)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", nargs="?", help="only this one")
    parser.add_argument("--edition", choices=editions.names(), help="default: mini, or v0.6 when a dataset is named")
    parser.add_argument("--to", type=Path, metavar="DIR", help="the data folder (default: the edition's own)")
    _add_workers(parser)
    parser.set_defaults(run=_verify)


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=_workers, default=os.cpu_count() or 1, metavar="N", help="default: one a core"
    )


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of worker processes, at least 1")
    return int(text)


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


def _prepare(options: argparse.Namespace) -> int:
    try:
        prepare(data_prepare.load(options.dataset), options.source, options.to, options.workers, _say)
    except DataError as error:
        print(f"data prepare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("data prepare: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _verify(options: argparse.Namespace) -> int:
    edition = options.edition or ("mini" if options.dataset is None else "v0.6")
    directory = options.to or editions.data_directory(edition)
    chosen = [options.dataset] if options.dataset else None
    try:
        if edition == "mini":
            build.verify(directory, mini.manifest(), chosen)
        for dataset in (chosen or data_prepare.DATASETS) if edition != "mini" else ():
            files = verify(directory / dataset, data_prepare.load(dataset).counts, options.workers)
            _say(f"{dataset}: {files:,} files")
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
