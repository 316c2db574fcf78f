"""Workloads and metrics as pages write them."""

from __future__ import annotations

import pytest

from leaderboard.wording import WORKLOADS, metric_label, workload_label
from workloads import editions


@pytest.mark.parametrize(
    ("name", "base", "label"),
    [
        ("ogbg", "", "OGBG"),
        ("ogbg_model_size", "", "OGBG, model size"),
        ("imagenet_resnet_large_bn_init", "imagenet_resnet", "ResNet, large bn init"),
        ("librispeech_conformer_layernorm", "", "Conformer, layernorm"),
        ("small", "", "small"),
        ("small_wide", "small", "small, wide"),
        ("small_wide", "", "small_wide"),
    ],
)
def test_a_workload_is_written_short_and_a_variant_with_what_it_changes(name, base, label):
    assert workload_label(name, base) == label


def test_every_workload_of_every_edition_has_a_label():
    for edition in map(editions.load, editions.names()):
        assert {workload.name for workload in edition.workloads} <= set(WORKLOADS)


def test_metrics_nobody_shortens_are_written_with_spaces():
    assert (metric_label("mean_average_precision"), metric_label("top_5_accuracy")) == ("mAP", "top 5 accuracy")
