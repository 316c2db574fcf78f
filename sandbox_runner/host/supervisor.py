"""One trial from its spec to its result. Owns the clock, the journal and the verdict; believes nobody.

    SETUP -> LOADING -> RUNNING -> FROZEN -> JUDGING -> RUNNING ... -> DONE

Only trusted image code runs before LOADING. The clock runs from the moment the submission's bytes are handed over,
except between the seal of a snapshot and the thaw behind its evaluation.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from sandbox_runner.channel import ChannelClosed
from sandbox_runner.errors import FreezeFailed, HostFailure, SandboxError, SealFailed
from sandbox_runner.host.clock import ChargedClock, Journal
from sandbox_runner.host.containers import ContainerEngine, ContainerHandle, Images
from sandbox_runner.host.docker import Role, printable
from sandbox_runner.host.freezer import Freezer, freezer_for
from sandbox_runner.host.pair import ContainerPair
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.host.reporters import Progress, Reporter
from sandbox_runner.host.snapshot import Snapshot, sealed_bytes
from sandbox_runner.protocol import Ending, Evaluation, ProtocolViolation, TrialResult
from workloads.spec import Split

log = logging.getLogger(__name__)
TICK_S = 0.5
EXIT_GRACE_S = 5.0
ENGINE_GRACE_S = 2.0
RESULT_DIGITS = 6
_KILLED = (137, 143)  # SIGKILL, SIGTERM


class _Verdict(Exception):
    """Ends the run: carries the ending up to `run`."""

    def __init__(self, ending: Ending, message: str = "", *, raced: bool = False) -> None:
        super().__init__(message)
        self.ending, self.message, self.raced = ending, message, raced


@dataclass(kw_only=True)
class _Run:
    """What is known so far; read once at the end."""

    evaluations: list[Evaluation] = field(default_factory=list)
    time_to_target_s: float | None = None
    reached: set[Split] = field(default_factory=set)
    best: float | None = None
    step: int = 0
    complete: bool = False  # the submission said it is done
    requested: int | None = None  # number of the evaluation that was asked for
    next_number: int = 1
    breakdown: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        self.breakdown[name] = self.breakdown.get(name, 0.0) + seconds


class Supervisor:
    """Runs one trial. Make one, call `run` once."""

    def __init__(
        self,
        trial: TrialPlan,
        *,
        bundle: bytes,
        batch_size: int,
        images: Images,
        engine: ContainerEngine,
        reporter: Reporter,
        directory: Path,
        sockets: Path,
        clock: ChargedClock | None = None,
        freezer_of: Callable[[int], Freezer] = freezer_for,
    ) -> None:
        self._plan = trial
        self._bundle = bundle
        self._batch_size = batch_size
        self._images = images
        self._reporter = reporter
        self._clock = clock or ChargedClock()
        self._journal = Journal(directory / "journal.jsonl")
        self._run = _Run()
        self._pair = ContainerPair(
            trial,
            images=images,
            engine=engine,
            journal=self._journal,
            directory=directory,
            sockets=sockets,
            freezer_of=freezer_of,
            check=self._check_cancel,
        )
        self._snapshot: Snapshot | None = None
        self._due_ns = 0

    # --- the whole run ------------------------------------------------------------------------------------------

    def run(self) -> TrialResult:
        """Never raises for anything a submission does; a host that fails is the ending INFRA."""
        began = time.monotonic()
        try:
            self._journal.write("created", spec=self._plan.spec.as_json(), images=vars(self._images))
            self._progress("setup")
            self._pair.set_up(self._batch_size)
            self._reporter.watch_log(self._trainer.log_tail)
            self._reporter.started({"batch_size": self._batch_size, "images": vars(self._images)})
            self._run.add("setup", time.monotonic() - began)
            self._load()
            self._train()
        except _Verdict as caught:
            verdict = caught
        except ProtocolViolation as violation:
            verdict = _Verdict(Ending.PROTOCOL, f"The submission spoke to the supervisor by itself: {violation}.")
        except SealFailed as error:
            verdict = _Verdict(Ending.SEAL, f"The weights could not be sealed: {error}.")
        except FreezeFailed as error:
            verdict = _Verdict(Ending.PROTOCOL, f"The processes of the submission resisted being frozen: {error}.")
        except (SandboxError, OSError) as error:
            verdict = _Verdict(Ending.INFRA, str(error))
        except Exception as error:  # a bug of ours: say so, but leave no container behind
            log.exception("attempt %s", self._plan.spec.attempt)
            verdict = _Verdict(Ending.INFRA, f"The supervisor failed: {type(error).__name__}: {error}")
        verdict = self._explain(verdict)
        if self._clock.is_running:
            self._clock.stop()
        log_tail = self._clean_up()
        self._run.add("wall", time.monotonic() - began)
        self._journal.write("ended", ending=str(verdict.ending), charged_ns=self._clock.charged_ns)
        result = TrialResult(
            ending=verdict.ending,
            charged_s=self._clock.charged_s,
            time_to_target_s=self._run.time_to_target_s,
            evaluations=tuple(self._run.evaluations),
            message=verdict.message,
            raced=verdict.raced,
            batch_size=self._batch_size,
            breakdown={name: round(seconds, 4) for name, seconds in self._run.breakdown.items()},
            log_tail=log_tail,
            receipt={"journal": self._journal.head, "images": vars(self._images)},
        )
        self._journal.close()
        self._reporter.finished(result)
        return result

    @property
    def _trainer(self) -> ContainerHandle:
        return self._pair.container(Role.TRAINER)

    # --- the submission -----------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Hands the submission over. From this line on everything in the trainer is hostile, and on the clock."""
        with sealed_bytes(self._bundle) as bundle:
            self._journal.write("load", bundle=bundle.sha256(), bytes=len(self._bundle))
            self._snapshot = Snapshot(self._pair.nbytes)
            self._clock.start()
            try:
                self._pair.trainer.send("load", fd=bundle.fd, sha256=self._plan.spec.bundle_sha256)
                self._request_evaluation()
            except ChannelClosed:
                self._stopped()

    def _train(self) -> None:
        """Messages, and the moments the clock brings: next evaluation, end of budget, race lost."""
        while True:
            self._check_cancel()
            self._check_limits()
            if self._run.requested is None and self._clock.charged_ns >= self._due_ns:
                self._send_request()
            if not self._pair.trainer.wait(self._until_next_moment()):
                self._progress("running")
                continue
            try:
                message = self._pair.trainer.receive()
            except ChannelClosed:
                self._stopped()
            self._handle(message)

    def _until_next_moment(self) -> float:
        charged = self._clock.charged_s
        moments = [self._plan.budget_s]
        if self._plan.spec.race_limit_s is not None:
            moments.append(self._plan.spec.race_limit_s)
        if self._run.requested is None:
            moments.append(self._due_ns / 1e9)
        return min(TICK_S, max(0.0, min(moments) - charged))

    def _check_limits(self) -> None:
        charged = self._clock.charged_s
        if charged >= self._plan.budget_s:
            silence = time.monotonic() - self._pair.trainer.last_heard
            if silence >= min(self._plan.hardware.hang_s, self._plan.budget_s / 2):
                raise _Verdict(
                    Ending.HANG, f"The submission gave no sign of life for the last {silence:.0f} s of its budget."
                )
            raise _Verdict(Ending.BUDGET, f"The budget of {self._plan.budget_s:g} s is used up.")
        limit = self._plan.spec.race_limit_s
        if limit is not None and charged >= limit:
            raise _Verdict(
                Ending.BUDGET, f"Stopped at {limit:.2f} s: another trial of this study was faster.", raced=True
            )

    def _handle(self, message: Mapping[str, Any]) -> None:
        kind = message["kind"]
        if kind == "beat":
            self._run.step = message["step"]
            self._progress("running")
        elif kind == "loaded" and "import" not in self._run.breakdown:
            self._run.breakdown["import"] = self._clock.charged_s
        elif kind == "init_done" and "import" in self._run.breakdown and "init" not in self._run.breakdown:
            self._run.breakdown["init"] = self._clock.charged_s - self._run.breakdown["import"]
        elif kind == "snapshot_ready":
            if message["evaluation"] != self._run.requested:
                raise ProtocolViolation(f"snapshot {message['evaluation']} was not asked for")
            self._measure(message["step"])
        elif kind == "training_complete" and not self._run.complete:
            self._run.complete, self._run.step = True, message["step"]
            if self._run.requested is None:
                self._send_request()
        elif kind == "failed":
            where, error = printable(message["where"]), printable(message["error"])
            raise _Verdict(Ending.CRASH, f"The submission failed in {where}.\n{error}")
        else:
            raise ProtocolViolation(f"{kind} is out of order")

    # --- evaluations --------------------------------------------------------------------------------------------

    def _send_request(self) -> None:
        try:
            self._request_evaluation()
        except ChannelClosed:
            self._stopped()

    def _request_evaluation(self) -> None:
        snapshot = self._snapshot = self._snapshot or Snapshot(self._pair.nbytes)
        self._run.requested, self._run.next_number = self._run.next_number, self._run.next_number + 1
        self._pair.trainer.send("snapshot_request", fd=snapshot.fd, evaluation=self._run.requested)

    def _measure(self, step: int) -> None:
        """Freeze, seal, stop the clock, judge, start the clock, thaw."""
        number, snapshot, freezer = self._run.requested, self._snapshot, self._pair.freezer
        assert number is not None
        assert snapshot is not None
        self._run.requested, self._snapshot, self._run.step = None, None, step
        with snapshot:
            asked = time.monotonic()
            gone = self._freeze(freezer)
            snapshot.seal()
            charged_s = self._clock.stop()
            stopped = time.monotonic()
            self._run.add("freeze", stopped - asked)
            cpu_ns = None if gone else self._cpu_usage_ns(freezer)
            self._journal.write("frozen", evaluation=number, step=step, charged_ns=self._clock.charged_ns)
            if charged_s >= self._plan.budget_s:
                raise _Verdict(Ending.BUDGET, f"The budget of {self._plan.budget_s:g} s is used up.")
            self._check_limits()
            evaluation = self._evaluate(number, step, charged_s, snapshot)
        self._keep(evaluation)
        self._end_when_done()
        cpu_after_ns = self._cpu_usage_ns(freezer)
        if cpu_ns is None or cpu_after_ns is None:
            self._stopped()
        self._snapshot = Snapshot(
            self._pair.nbytes
        )  # made while the clock stands, so that the next request costs nothing
        if cpu_after_ns != cpu_ns:
            charged = self._clock.charge_standstill()
            self._journal.write("not_still", evaluation=number, cpu_ns=cpu_after_ns - cpu_ns, charged_s=charged)
        self._journal.write("thaw_intent", evaluation=number, charged_ns=self._clock.charged_ns)
        self._answer(evaluation)
        self._run.add("frozen", time.monotonic() - stopped)
        self._due_ns = self._clock.charged_ns + int(self._plan.workload.eval_period_s * 1e9)
        self._pair.trainer.last_heard = time.monotonic()
        self._clock.start()
        try:
            freezer.thaw()
        except OSError:
            if not self._is_gone():
                raise
            self._stopped()

    def _freeze(self, freezer: Freezer) -> bool:
        """True when there was nothing left to freeze: a trainer that is gone cannot write either."""
        try:
            freezer.freeze()
        except OSError:
            if not self._is_gone():
                raise
            return True
        return False

    def _cpu_usage_ns(self, freezer: Freezer) -> int | None:
        """None when the trainer is gone, and its cgroup with it."""
        try:
            return freezer.cpu_usage_ns()
        except OSError:
            if not self._is_gone():
                raise
            return None

    def _is_gone(self) -> bool:
        """True when the trainer has ended: its cgroup goes with it at any time, and that is not the host's failure."""
        return self._trainer.wait(3 * EXIT_GRACE_S) is not None  # the engine learns it last

    def _evaluate(self, number: int, step: int, charged_s: float, snapshot: Snapshot) -> Evaluation:
        self._progress("judging")
        began = time.monotonic()
        answer = self._ask_judge(number, snapshot, [Split.EVAL_TRAIN, Split.VALIDATION])
        metrics: dict[str, float | None] = dict(answer["metrics"])
        target, metric = self._plan.workload.target, self._plan.workload.metric
        finite = bool(answer["finite"])
        reached = finite and metric.reaches(metrics.get(self._plan.metric_key), target.validation)
        reached_test: bool | None = None
        if target.test is not None and finite and (reached or self._plan.edition.test_always_judged):
            metrics |= self._ask_judge(number, snapshot, [Split.TEST])["metrics"]
            reached_test = metric.reaches(metrics.get(self._plan.test_metric_key), target.test)
        self._run.add("judge", time.monotonic() - began)
        valid = finite and _is_finite(metrics.get(self._plan.metric_key))
        return Evaluation(
            evaluation=number,
            step=step,
            charged_s=charged_s,
            metrics={name: value if _is_finite(value) else None for name, value in metrics.items()},
            valid=valid,
            reached_validation=reached,
            reached_test=reached_test,
            sha256=answer["sha256"],
            note="" if valid else str(answer.get("error") or "weights or metrics are not finite")[:500],
        )

    def _ask_judge(self, number: int, snapshot: Snapshot, splits: list[Split]) -> dict[str, Any]:
        self._pair.judge.send("evaluate", fd=snapshot.fd, evaluation=number, splits=[str(split) for split in splits])
        answer = self._pair.judge.receive("metrics", self._plan.hardware.judge_s, self._check_cancel)
        if answer["evaluation"] != number:
            raise HostFailure(f"the judge answered evaluation {answer['evaluation']}, asked was {number}")
        return answer

    def _keep(self, evaluation: Evaluation) -> None:
        self._journal.write("judged", **evaluation.as_json())
        self._run.evaluations.append(evaluation)
        value = evaluation.metrics.get(self._plan.metric_key)
        best, metric = self._run.best, self._plan.workload.metric
        if value is not None and (best is None or metric.is_better(value, best)):
            self._run.best = value
        if evaluation.reached_validation:
            if self._run.time_to_target_s is None:
                self._run.time_to_target_s = evaluation.charged_s
            self._run.reached.add(Split.VALIDATION)
        if evaluation.reached_test:
            self._run.reached.add(Split.TEST)
        self._reporter.evaluation(evaluation)

    def _end_when_done(self) -> None:
        if self._run.reached.issuperset(self._plan.edition.stop_at):
            raise _Verdict(Ending.TARGET, "The target is reached.")
        if self._run.complete:
            raise _Verdict(Ending.COMPLETE, "The submission ended its training before the target was reached.")

    def _answer(self, evaluation: Evaluation) -> None:
        shown = {
            name: None if value is None else float(f"{value:.{RESULT_DIGITS}g}")
            for name, value in evaluation.metrics.items()
            if not name.startswith(f"{Split.TEST}/")
        }
        charged_s = self._clock.charged_s
        try:
            self._pair.trainer.send(
                "eval_result",
                evaluation=evaluation.evaluation,
                step=evaluation.step,
                metrics=shown,
                charged_s=charged_s,
                remaining_s=self._plan.budget_s - charged_s,
            )
        except ChannelClosed:
            self._stopped()

    # --- ends ---------------------------------------------------------------------------------------------------

    def _stopped(self) -> NoReturn:
        """The trainer is gone, or has closed its connection and is about to be."""
        container = self._trainer
        state = container.wait(EXIT_GRACE_S)
        if state is None:
            raise _Verdict(Ending.PROTOCOL, "The submission closed the connection to the supervisor.")
        if state.oom_killed and state.exit_code == 137:
            raise _Verdict(Ending.OOM, "The submission used more memory than the container has.")
        if state.exit_code in _KILLED:
            time.sleep(ENGINE_GRACE_S)
            container.exit_state()  # an engine that is shutting down kills too, and then fails here: the host's fault
        raise _Verdict(Ending.CRASH, f"The submission's process ended by itself with status {state.exit_code}.")

    def _explain(self, verdict: _Verdict) -> _Verdict:
        """A crash right after refused forks or inside the engine has a better name."""
        if verdict.ending is Ending.CRASH and self._pair.is_ready:
            try:
                refused = self._pair.freezer.pids_refused()
            except OSError:
                refused = 0
            if refused:
                return _Verdict(Ending.PIDS, f"The submission started too many processes. {verdict.message}")
        return verdict

    def _clean_up(self) -> str:
        """Nothing of the trial is left running; returns the trainer's last log lines."""
        log_tail = self._pair.end()
        if self._snapshot is not None:
            self._snapshot.close()
        return log_tail

    def _check_cancel(self) -> None:
        if (ending := self._reporter.stop_requested) is not None:
            raise _Verdict(ending, "The run was cancelled." if ending is Ending.CANCELLED else "The host is stopping.")

    def _progress(self, state: str) -> None:
        self._reporter.progress(
            Progress(state=state, step=self._run.step, charged_s=self._clock.charged_s, best=self._run.best)
        )


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
