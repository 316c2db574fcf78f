"""Small logs that tests make: in the original layout, packed, and as compact tables."""

import gzip
import tarfile

from scoring.logs import open_logs

HEADER = "accumulated_submission_time,global_step,validation/ssim"
ROWS = ("10.0,1,0.5", "20.0,2,0.75")
KEY = "leaderboard,submission,study,workload,framework,trial"
METADATA = "rng_seed,git_commit_hash,gpu_model_name,gpu_count"


def write_trial(folder, rows=ROWS, hyperparameters='{"learning_rate": 0.1}', metadata='{"rng_seed": 7}'):
    folder.mkdir(parents=True)
    (folder / "eval_measurements.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "hparams.json").write_text(hyperparameters)
    (folder / "meta_data_0.json").write_text(metadata)
    return folder


def trial_folder(root, submission="amos", study=0, workload="fastmri_jax", trial=1):
    """Where a trial of v0.5 external lies."""
    logs = root / "algoperf_v05" / "logs" / "external_tuning"
    return logs / submission / f"study_{study}" / workload / f"trial_{trial}"


def write_original(root):
    """Two submissions with two trials each."""
    for submission in ("amos", "lawa"):
        for trial in (1, 2):
            write_trial(trial_folder(root, submission, trial=trial))
    return root


def write_table(path, *lines):
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))


def write_compact(folder):
    """The same two as compact tables."""
    folder.mkdir()
    keys = [f"{name},0,fastmri,jax,{trial}" for name in ("amos", "lawa") for trial in (1, 2)]
    header = "submission,study,workload,framework,trial," + HEADER.replace("/ssim", "_metric")
    write_table(folder / "evals_v05_external.csv.gz", header, *(f"{key},{row}" for key in keys for row in ROWS))
    write_table(folder / "trials.csv.gz", f"{KEY},{METADATA}", *(f"v05_external,{key},7,,," for key in keys))
    points = (f'v05_external,{key},"{{""learning_rate"": 0.1}}"' for key in keys)
    write_table(folder / "hparams.csv.gz", f"{KEY},hparams", *points)
    (folder / "targets.csv").write_text("leaderboard,workload,metric\nv05_external,fastmri,ssim\n")
    (folder / "submissions.csv").write_text("leaderboard,submission,authors\nv05_external,amos,Ann\n")
    return folder


def pack(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname="logs")
    return path


def read(path, *, edition="v0.5", ruleset="external"):
    """All submissions by name."""
    with open_logs(path, edition=edition, ruleset=ruleset) as logs:
        return {submission.name: submission for submission in logs.read()}
