"""Logs of the AlgoPerf competition, read submission by submission: three forms in, one typed form out.

    with open_logs(path, edition="v0.5", ruleset="external") as logs:
        print(logs.submissions)                # names, known before anything is read
        for submission in logs.read(skip=already_there):
            submission.problems                # not empty: do not use this submission, and why
            submission.about                   # its row of submissions.csv, {} without one
            for trial in submission.trials:    # also those that were never measured
                trial.workload, trial.framework, trial.study, trial.trial
                trial.hyperparameters, trial.metadata          # None where the log has none
                trial.evaluations.columns                      # "global_step", "validation/accuracy", ...
                steps, times_s = trial.evaluations.arrays(STEP, CLOCK)
                everything = trial.evaluations.as_dict()
        logs.skipped                           # what was passed over, and why

`path` is a folder of the compact tables, a folder in the original layout at any depth
(`.../algoperf_v05/logs/external_tuning/<submission>/study_0/<workload>_<framework>/trial_1/eval_measurements.csv`),
or a `.tar` or `.tar.gz` of the latter. Logs are untrusted: sizes, counts and names are bounded, nothing is unpacked, no
link is followed. One submission is in memory at a time, and numbers are read when they are asked for: `arrays` and
`as_dict` raise InvalidLogs for a file that cannot be read, so that one bad submission leaves the others alone.
"""

from scoring.logs.evaluations import CLOCK, STEP, TOTAL_CLOCK, Evaluations
from scoring.logs.records import Skipped, SubmissionLog, TrialLog
from scoring.logs.source import Logs, open_logs, read_about

__all__ = [
    "CLOCK",
    "STEP",
    "TOTAL_CLOCK",
    "Evaluations",
    "Logs",
    "Skipped",
    "SubmissionLog",
    "TrialLog",
    "open_logs",
    "read_about",
]
