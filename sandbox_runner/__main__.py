"""`python -m sandbox_runner`: run, check, worker, supervise."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from sandbox_runner.errors import SandboxError

EXIT_OK, EXIT_SUBMISSION, EXIT_HOST = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Dispatches to one command; each imports what it needs, so that `check` does not load Docker."""
    if arguments[:1] == ["check"]:
        from sandbox_runner.compliance import command

        return command.run(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m sandbox_runner", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands.add_parser("run", help="one trial of a submission in the real sandbox, without a site"))
    commands.add_parser("check", help="the checks of an upload, for a folder or a zip")
    worker = commands.add_parser("worker", help="the Celery worker of one host")
    worker.add_argument("--name", required=True, help="this host's name on the site")
    worker.add_argument("--site", required=True, help="address of the site, for example http://127.0.0.1:8000")
    worker.add_argument("--key-file", required=True, type=Path, help="file that holds this host's key")
    supervise = commands.add_parser("supervise", help="one claimed attempt; started by the worker")
    supervise.add_argument("run_id")
    options = parser.parse_args(arguments)
    try:
        return _dispatch(options)
    except SandboxError as error:
        print(f"The host failed, not the submission: {error}", file=sys.stderr)
        return EXIT_HOST


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", type=Path, help="folder or zip with submission.py")
    parser.add_argument("--ruleset", required=True, choices=("external", "self_tuning"))
    parser.add_argument("--workload", required=True, help="for example imagenet_resnet")
    parser.add_argument("--edition", default="mini")
    parser.add_argument("--framework", choices=("jax", "pytorch"), help="default: the folder's name, else its imports")
    parser.add_argument("--trial", type=int, default=1, help="which of the sampled hyperparameter points, from 1")
    parser.add_argument("--study", type=int, default=1, help="which study, from 1")
    parser.add_argument("--seed", type=int, help="default: derived from study and trial")
    parser.add_argument("--json", action="store_true", help="print the run as one JSON document")


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "run":
        from sandbox_runner.host import run_command

        return run_command.run(options)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if options.command == "supervise":
        from sandbox_runner.host.supervise import supervise

        return supervise(options.run_id)
    from sandbox_runner.host.worker import HostIdentity, serve

    key = options.key_file.read_text().strip()
    folder = os.environ.get("BROKER_FOLDER")
    return serve(
        HostIdentity(name=options.name, site=options.site, key=key),
        os.environ.get("BROKER_URL", "filesystem://"),
        Path(folder) if folder else None,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
