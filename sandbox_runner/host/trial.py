"""From a spec and the submission's bytes to a result: probe for the batch size, then one supervised trial."""

from __future__ import annotations

from sandbox_runner.errors import SandboxError
from sandbox_runner.host import batch_size, instance, reaper
from sandbox_runner.host.batch_size import BatchSizeRefused, ProbeStopped
from sandbox_runner.host.containers import ContainerEngine, Images
from sandbox_runner.host.plan import TrialPlan
from sandbox_runner.host.reporters import Progress, Reporter
from sandbox_runner.host.supervisor import Supervisor
from sandbox_runner.protocol import Ending, TrialResult


def run_trial(
    trial: TrialPlan, bundle: bytes, *, engine: ContainerEngine, images: Images, reporter: Reporter
) -> TrialResult:
    """Runs one trial to its end; whatever happens is in the result."""
    run_id = trial.spec.attempt
    with reaper.run_directory(run_id) as directory:
        sockets = instance.socket_dir(run_id)
        reporter.progress(Progress(state="setup", step=0, charged_s=0.0, best=None))
        try:
            size = batch_size.batch_size(
                trial,
                bundle,
                engine=engine,
                image=images.trainer,
                sockets=sockets,
                is_unwanted=lambda: reporter.stop_requested is not None,
            )
        except ProbeStopped:
            return _ended(reporter, reporter.stop_requested or Ending.INFRA, "The run was stopped before it began.")
        except BatchSizeRefused as error:
            return _ended(reporter, Ending.CRASH, str(error))
        except (SandboxError, OSError) as error:
            return _ended(reporter, Ending.INFRA, str(error))
        supervisor = Supervisor(
            trial,
            bundle=bundle,
            batch_size=size,
            images=images,
            engine=engine,
            reporter=reporter,
            directory=directory,
            sockets=sockets,
        )
        return supervisor.run()


def _ended(reporter: Reporter, ending: Ending, message: str) -> TrialResult:
    result = TrialResult(ending=ending, charged_s=0.0, time_to_target_s=None, evaluations=(), message=message)
    reporter.finished(result)
    return result
