"""Everything that crosses a wall: specs, messages, layouts, verdicts, task names. Typed, frozen, standard library only.

Three walls:
    site <-> host        ids through the broker, `TrialSpec` and reports as JSON over the REST API
    supervisor <-> trainer, supervisor <-> judge      messages over AF_UNIX SEQPACKET, one JSON object a packet

Messages of the trainer are hostile input. `parse_trainer_message` accepts exactly the shapes below and raises
`ProtocolViolation` for everything else: unknown kind, missing, extra or wrongly typed field, too long.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

PROTOCOL_VERSION = 1

# --- site <-> host ----------------------------------------------------------------------------------------------

START_SUPERVISOR = "sandbox_runner.start_supervisor"
LEASE_S = 45
HEARTBEAT_S = 10


def host_queue(host: str) -> str:
    """The broker queue only this host listens to."""
    return f"host.{host}"


class Ending(StrEnum):
    """How a trial ended. Only CANCELLED and INFRA say nothing about the submission."""

    TARGET = "target"
    BUDGET = "budget"
    COMPLETE = "complete"
    CRASH = "crash"
    OOM = "oom"
    PIDS = "pids"
    HANG = "hang"
    PROTOCOL = "protocol"
    SEAL = "seal"
    CANCELLED = "cancelled"
    INFRA = "infra"

    @property
    def is_result(self) -> bool:
        """True when the trial counts, whether or not it went well; False when it has to be run again."""
        return self not in (Ending.CANCELLED, Ending.INFRA)


class ReportKind(StrEnum):
    """What a supervisor tells the site, in order, each once per sequence number."""

    STARTED = "started"  # payload: {"images": {...}, "batch_size": int, "host": {...}}
    EVALUATION = "evaluation"  # payload: Evaluation.as_json()
    FINISHED = "finished"  # payload: TrialResult.as_json()


class Action(StrEnum):
    """The site's answer to a heartbeat."""

    CONTINUE = "continue"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One training run, as the site leases it to a host. Budgets, targets and periods come from the edition,
    which the host holds too; `revision` must be equal on both sides."""

    attempt: str
    edition: str
    revision: str
    ruleset: str
    framework: str
    workload: str
    study: int
    trial: int
    seed: int
    hyperparameters: Mapping[str, Any] | None
    bundle_sha256: str
    race_limit_s: float | None = None  # best time of the study so far: past it the trial cannot matter

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the judge measured at one seal. `charged_s` is the host clock's reading at that seal."""

    evaluation: int
    step: int  # the trainer's own count, shown as self-reported
    charged_s: float
    metrics: Mapping[str, float | None]  # "train/loss", "validation/accuracy", "test/accuracy"; None: not finite
    valid: bool  # False: parameters or metrics were not finite, or the judge could not finish
    reached_validation: bool
    reached_test: bool | None  # None: the test split was not judged
    sha256: str  # of the sealed bytes
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """The end of one attempt. A failed run is data; an exception means a bug of ours."""

    ending: Ending
    charged_s: float
    time_to_target_s: float | None
    evaluations: Sequence[Evaluation]
    message: str = ""  # one sentence for the submitter
    raced: bool = False  # stopped because a faster trial of its study makes it irrelevant
    batch_size: int | None = None
    breakdown: Mapping[str, float] = field(default_factory=dict)  # seconds: setup, import, init, judge, frozen, wall
    log_tail: str = ""
    receipt: Mapping[str, Any] = field(default_factory=dict)  # journal head, image digests, host

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "ending": str(self.ending)}


# --- supervisor <-> trainer, judge ------------------------------------------------------------------------------

MAX_TRAINER_MESSAGE_BYTES = 16 * 1024
MAX_MESSAGE_BYTES = 160 * 1024
TRAINER_MESSAGES_PER_SECOND = 50
CTL_SOCKET = "/ctl/supervisor.sock"  # as seen from inside either container
DATA_ROOT = "/data"  # trainer: the training split itself; judge: one folder per held-apart split
TASK_ROOT = "/opt/task"  # trainer only: package `apw` with the one neutral workload module


class ProtocolViolation(Exception):
    """A message that the protocol does not allow at this point."""


@dataclass(frozen=True, kw_only=True)
class LayoutEntry:
    """One array of a snapshot: raw C-contiguous little-endian bytes at a fixed offset."""

    key: str  # "p000", "p001", ... then "s000", ... for model state
    shape: tuple[int, ...]
    dtype: str  # "float32" or "int64"
    offset: int
    nbytes: int


def layout_digest(layout: Sequence[LayoutEntry]) -> str:
    """What trainer and judge compare before any byte is exchanged."""
    document = [dataclasses.asdict(entry) for entry in layout]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def snapshot_nbytes(layout: Sequence[LayoutEntry]) -> int:
    return layout[-1].offset + layout[-1].nbytes if layout else 0


_SHORT = 64
_SHA256 = re.compile(r"[0-9a-f]{64}")

# kind -> {field: type}; bool is not accepted where int is asked for.
TRAINER_MESSAGES: Mapping[str, Mapping[str, type]] = {
    "hello": {"protocol": int, "framework": str},
    "setup_done": {"layout": str, "nbytes": int},
    "loaded": {},  # the submission has been imported
    "init_done": {},  # init_optimizer_state has returned
    "beat": {"step": int},
    "snapshot_ready": {"evaluation": int, "step": int},
    "training_complete": {"step": int},  # TrainingCompleteError: one last evaluation, then the end
    "failed": {"where": str, "error": str},  # an exception left the submission; the process exits next
    "batch_size_is": {"value": int},  # the answer of get_batch_size
}
# Supervisor -> trainer:
#   setup            {task, seed, hyperparameters, batch_size, ruleset, framework}       before any submission byte
#   snapshot_request {evaluation}            + memfd to pwrite into; evaluation 0 is the initial model, before load
#   load             {sha256}                + sealed memfd holding the normalised tar of the submission
#   eval_result      {evaluation, step, metrics, charged_s, remaining_s}
#   stop             {reason}
# `snapshot_request` may arrive at any time after `load`; the trainer answers at its next step boundary. The one that
# arrives right behind `load` is answered after step 1.
# Supervisor -> batch-size probe, which says `hello` first and answers `loaded`, then `batch_size_is`, or `failed`:
#   load             {sha256}                + sealed memfd, as above
#   batch_size       {workload, base}        `base` is asked for when the function raises ValueError for `workload`
# Supervisor -> judge:
#   setup            {workload, framework, seed}
#   evaluate         {evaluation, splits}    + sealed memfd
# Judge -> supervisor:
#   hello            {protocol}
#   ready            {layout, nbytes, num_examples}          after its own model is built
#   metrics          {evaluation, sha256, finite, num_examples, metrics, seconds, initial}
#                    metrics: {"validation/accuracy": number or null}; initial: true where the bytes equal θ₀
#   failed           {error}


def encode(kind: str, **fields: Any) -> bytes:
    """One packet. NaN and infinity are refused: they are not JSON."""
    return json.dumps({"kind": kind, **fields}, allow_nan=False, separators=(",", ":")).encode()


def decode(packet: bytes) -> dict[str, Any]:
    """A packet of a trusted peer; `ProtocolViolation` when it is not one JSON object with a kind."""
    try:
        message = json.loads(packet.decode(), object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_bounded_int)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation(f"not JSON: {error}") from None
    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        raise ProtocolViolation("a message is one object with a kind")
    return message


def parse_trainer_message(packet: bytes) -> dict[str, Any]:
    """A packet of the trainer, checked field by field against `TRAINER_MESSAGES`."""
    if len(packet) > MAX_TRAINER_MESSAGE_BYTES:
        raise ProtocolViolation(f"message of {len(packet)} bytes, at most {MAX_TRAINER_MESSAGE_BYTES}")
    message = decode(packet)
    kind = message["kind"]
    if kind not in TRAINER_MESSAGES:
        raise ProtocolViolation(f"unknown message {kind[:_SHORT]!r}")
    fields = TRAINER_MESSAGES[kind]
    if set(message) - {"kind"} != set(fields):
        raise ProtocolViolation(f"{kind} has exactly the fields {sorted(fields)}")
    for name, expected in fields.items():
        if type(message[name]) is not expected:
            raise ProtocolViolation(f"{kind}.{name} is not of type {expected.__name__}")
        if expected is int and not 0 <= message[name] < 2**53:
            raise ProtocolViolation(f"{kind}.{name} is out of range")
    if kind == "setup_done" and not _SHA256.fullmatch(message["layout"]):
        raise ProtocolViolation("setup_done.layout is not a sha256")
    if kind == "batch_size_is" and message["value"] < 1:
        raise ProtocolViolation("batch_size_is.value is not positive")
    return message


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate keys")
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("integer too long")
    return int(digits)
