"""`python -m workloads vectors DIR`: the implementation against golden vectors in the benchmark's format."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workloads import registry
from workloads.errors import TransferError, UnknownWorkload, VectorsError
from workloads.spec import Framework
from workloads.vectors.golden import Golden, read_json
from workloads.vectors.quantity import Quantity, Reporter

_UNUSABLE = "layout"  # what a file that cannot be used fails in
_Compare = Callable[[Path, Mapping[str, Any], Reporter], Iterator[Quantity]]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `vectors`."""
    parser = commands.add_parser("vectors", help="compare the implementation with golden vectors")
    parser.add_argument("folder", type=Path, metavar="DIR", help="holds models/, metrics/, pipelines/ ...")
    parser.add_argument("--json", action="store_true", help="one JSON object per quantity and line")
    parser.add_argument("--workload", help="only this workload, and only its model")
    parser.add_argument("--file", help="only this file, as metrics/bleu.json")
    parser.add_argument("--framework", choices=list(Framework), help="only this framework")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """0 when every quantity is within its tolerance, 1 when one is not, 2 when the folder or a file cannot be used."""
    failed = compared = unusable = 0
    try:
        for quantity in quantities(options.folder, options.workload, options.framework, options.file):
            print(json.dumps(quantity.as_json()) if options.json else _sentence(quantity), flush=True)
            failed += not quantity.passed
            compared += not quantity.skipped
            if quantity.quantity == _UNUSABLE:
                print(f"vectors: {quantity.where}", file=sys.stderr)
                unusable += 1
    except (VectorsError, UnknownWorkload) as error:
        print(f"vectors: {error}", file=sys.stderr)
        return 2
    print(f"vectors: {compared} quantities compared, {failed} failed", file=sys.stderr)
    return 2 if unusable else int(failed > 0)


def quantities(
    folder: Path, workload: str | None = None, framework: str | None = None, file: str | None = None
) -> Iterator[Quantity]:
    """Everything that can be compared, model by model, then what belongs to no model.

    A file that is not in the format is one failed quantity that says why; the others are compared all the same.

    Raises:
        VectorsError: the folder holds no vectors.
        UnknownWorkload: no such workload is known.
    """
    if not folder.is_dir():
        raise VectorsError(f"there is no folder {folder}")
    names = sorted(path.stem for path in (folder / "models").glob("*.json"))
    if workload is not None:
        registry.get(workload)
        if workload not in names:
            raise VectorsError(f"{folder} has no models/{workload}.json")
        names = [workload]
    others = [] if workload is not None else _others(folder)
    if file is not None:
        names = [name for name in names if file == f"models/{name}.json"]
        others = [(path, compare) for path, compare in others if file == path.relative_to(folder).as_posix()]
    if not names and not others:
        raise VectorsError(f"{folder} holds no vectors: expected models/, metrics/, pipelines/ or halton/ in it")
    for name in names:
        for one in Framework if framework is None else [Framework(framework)]:
            report = Reporter(file=f"models/{name}.json", workload=name, framework=one)
            yield from _as_far_as_usable(_model(folder, name, one, report), report)
    for path, compare in others:
        report = Reporter(file=path.relative_to(folder).as_posix())
        found = _as_far_as_usable(_other(folder, path, compare, report), report)
        yield from (quantity for quantity in found if framework in (None, quantity.framework))


def _as_far_as_usable(found: Iterator[Quantity], report: Reporter) -> Iterator[Quantity]:
    try:
        yield from found
    except (VectorsError, TransferError) as error:
        yield report.quantity(_UNUSABLE, math.inf, 0.0, where=str(error))


def _other(folder: Path, path: Path, compare: _Compare, report: Reporter) -> Iterator[Quantity]:
    """A file that belongs to no model. VectorsError where something is missing from it."""
    try:
        yield from compare(folder, read_json(path), report)
    except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
        raise VectorsError(f"{report.file} is not laid out as its README says: {error!r}") from error


def _others(folder: Path) -> list[tuple[Path, _Compare]]:
    """The files that belong to no model, and what compares each."""
    from workloads.vectors import halton_files, metric_files, pipeline_files

    kinds = {"metrics": metric_files.FILES, "pipelines": pipeline_files.FILES, "halton": halton_files.FILES}
    return [
        (path, files.get(path.stem, _nothing))
        for kind, files in kinds.items()
        for path in sorted((folder / kind).glob("*.json"))
    ]


def _nothing(folder: Path, record: Mapping[str, Any], report: Reporter) -> Iterator[Quantity]:
    yield report.skip("file", "the product has nothing that this file is about")


def _model(folder: Path, name: str, framework: Framework, report: Reporter) -> Iterator[Quantity]:
    from workloads.vectors import models

    if name not in registry.names():
        yield report.skip("model", "no workload has this name")
    else:
        yield from models.compare(Golden(folder, name), framework)


def _sentence(quantity: Quantity) -> str:
    what = " ".join(filter(None, (quantity.file, quantity.workload, quantity.framework, quantity.quantity)))
    if quantity.skipped:
        return f"skipped  {what}: {quantity.skipped}"
    where = f"  ({quantity.where})" if quantity.where else ""
    verdict = "ok      " if quantity.passed else "FAILED  "
    return f"{verdict} {what}: {quantity.error:.3g}, at most {quantity.tolerance:g}{where}"
