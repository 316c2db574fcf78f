"""The judge's life: build its own model once, then answer one question after the other.

    hello  setup  ready  evaluate  metrics  evaluate  metrics ...

It never imports, unpickles or parses anything a submission made: a snapshot is numbers at places the judge chose.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox_runner import protocol
from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.judge.bench import Bench, sha256
from sandbox_runner.judge.errors import UnexpectedOrder
from sandbox_runner.judge.sealed import sealed_bytes
from workloads.spec import Split, Workload

ERROR_CHARACTERS = 2000


def main() -> int:
    """Exit status 0 when the supervisor closed the connection, 1 when the judge itself failed."""
    channel = Channel.connect(os.environ.get("ALGOPERF_CTL_SOCKET", protocol.CTL_SOCKET))
    try:
        serve(channel, Path(os.environ.get("ALGOPERF_DATA_ROOT", protocol.DATA_ROOT)))
    except ChannelClosed:
        return 0
    except Exception as error:
        traceback.print_exc()
        try:
            channel.send("failed", error=f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS])
        except ChannelClosed:
            print("the supervisor is gone", file=sys.stderr)
        return 1
    return 0


def serve(channel: Channel, data: Path) -> None:
    """Answers until the supervisor closes the connection. Raises what goes wrong before `ready`."""
    channel.send("hello", protocol=protocol.PROTOCOL_VERSION)
    message, _ = channel.receive()
    if message["kind"] != "setup":
        raise UnexpectedOrder(f"the supervisor sent {message['kind']}, expected setup")
    bench = Bench(Workload.from_json(message["workload"]), message["framework"], message["seed"], data)
    layout = [dataclasses.asdict(entry) for entry in bench.layout]
    channel.send("ready", layout=layout, nbytes=bench.nbytes, num_examples=bench.num_examples)
    while True:
        message, descriptor = channel.receive()
        if message["kind"] == "stop":
            return
        if message["kind"] != "evaluate" or descriptor is None:
            raise UnexpectedOrder(f"the supervisor sent {message['kind']}, expected evaluate with a descriptor")
        splits = [Split(split) for split in message["splits"]]
        channel.send("metrics", evaluation=message["evaluation"], **answer(bench, descriptor, splits))


def answer(bench: Bench, descriptor: int, splits: Sequence[Split]) -> Mapping[str, Any]:
    """The fields of a `metrics` message. An evaluation that fails is an answer too: the next snapshot may be sound."""
    began = time.monotonic()
    content = sealed_bytes(descriptor, bench.nbytes)
    digest, initial, finite = sha256(content), bench.is_initial(content), bench.is_finite(content)
    metrics: dict[str, float | None] = {}
    error = "" if finite else "the weights hold values that are not finite"
    if finite:
        try:
            metrics = bench.measure(content, splits)
        except Exception as failure:
            traceback.print_exc()
            finite, error = False, f"{type(failure).__name__}: {failure}"[:ERROR_CHARACTERS]
    return {
        "sha256": digest,
        "finite": finite,
        "initial": initial,
        "num_examples": {split.value: bench.num_examples[split.value] for split in splits},
        "metrics": metrics,
        "seconds": round(time.monotonic() - began, 6),
        "error": error,
    }
