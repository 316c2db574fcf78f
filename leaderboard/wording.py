"""Workloads and metrics as pages write them. What has no entry is written as its name, so new workloads need none."""

from __future__ import annotations

WORKLOADS = {
    "criteo1tb": "Criteo",
    "fastmri": "fastMRI",
    "imagenet_resnet": "ResNet",
    "imagenet_vit": "ViT",
    "librispeech_conformer": "Conformer",
    "librispeech_deepspeech": "DeepSpeech",
    "ogbg": "OGBG",
    "wmt": "WMT",
}
METRICS = {
    "mean_average_precision": "mAP",
    "ssim": "SSIM",
    "wer": "WER",
    "bleu": "BLEU",
    "error_rate": "error",
}


def workload_label(name: str, base: str = "") -> str:
    """A workload in a table's head: `OGBG`; a held-out variant with what it changes: `OGBG, model size`.

    Args:
        base: the base workload's name where it is known; else the longest known name in front of `name`.
    """
    if name in WORKLOADS:
        return WORKLOADS[name]
    family = base if base and base != name else max((known for known in WORKLOADS if name.startswith(f"{known}_")),
                                                    key=len, default="")  # fmt: skip
    if not family or not name.startswith(f"{family}_"):
        return name
    return f"{WORKLOADS.get(family, family)}, {name.removeprefix(f'{family}_').replace('_', ' ')}"


def metric_label(name: str) -> str:
    """A metric beside its numbers: mAP, WER, accuracy."""
    return METRICS.get(name, name.replace("_", " "))
