"""Small logs in the competition's own layout, for tests about imports."""

import json
from pathlib import Path

COLUMNS = "accumulated_submission_time,global_step,total_duration,validation/{m},test/{m},train/{m},validation/loss"
OGBG = "mean_average_precision"


class LogFolder:
    """`algoperf_v05/logs/external_tuning/<submission>/study_N/<workload>_<framework>/trial_M/`."""

    def __init__(self, root: Path, *, edition: str = "algoperf_v05") -> None:
        self.root = root
        self.folder = root / edition / "logs" / "external_tuning"

    def trial(self, submission, workload="ogbg", *, study=0, trial=1, rows=((60.0, 0.1), (300.0, 0.29)), **files):
        """One trial whose rows are (seconds, metric); the same number on all splits. Returns its folder."""
        place = self.folder / submission / f"study_{study}" / f"{workload}_jax" / f"trial_{trial}"
        place.mkdir(parents=True)
        metric = "loss_" if workload.startswith("criteo") else OGBG
        lines = [
            f"{time},{step},{time},{value},{value},{value},0.5" for step, (time, value) in enumerate(rows, start=1)
        ]
        header = COLUMNS.format(m=metric)
        (place / "eval_measurements.csv").write_text("\n".join([header, *lines, ""]))
        hyperparameters = files.get("hyperparameters", {"learning_rate": 0.001, "one_minus_beta1": 0.1})
        (place / "hparams.json").write_text(json.dumps(hyperparameters))
        metadata = {"rng_seed": 7, "gpu_model_name": "Tesla V100-SXM2-16GB", "gpu_count": 8}
        (place / "meta_data_0.json").write_text(json.dumps({**metadata, **files.get("metadata", {})}))
        return place
