"""A small edition, so that these tests depend on no workload's numbers."""

from typing import Any

import pytest

from workloads import editions
from workloads.spec import Edition, Metric, Ruleset, Target, Workload

SMALL = Workload(
    name="small",
    base="small",
    dataset="points",
    loss_type="SOFTMAX_CROSS_ENTROPY",
    metric=Metric(name="accuracy", higher_is_better=True),
    target=Target(validation=0.8, test=0.75),
    max_runtime_s=60,
    eval_period_s=5,
    step_hint=100,
    batch_size=32,
    eval_batch_size=100,
    num_train_examples=1000,
    num_eval_train_examples=100,
    num_validation_examples=100,
    num_test_examples=100,
)


def make_edition(**changes: Any) -> Edition:
    """Two workloads and one held-out variant; two studies of two trials, or of one."""
    import dataclasses

    edition = Edition(
        name="mini",
        revision="r1",
        title="Small",
        hardware_class="cpu2",
        workloads=(SMALL, dataclasses.replace(SMALL, name="other", base="other")),
        held_out=(SMALL.variant("wide"),),
        studies={Ruleset.EXTERNAL: 2, Ruleset.SELF_TUNING: 2},
        trials={Ruleset.EXTERNAL: 2, Ruleset.SELF_TUNING: 1},
        budget_factor={Ruleset.EXTERNAL: 1.0, Ruleset.SELF_TUNING: 1.5},
        racing=True,
    )
    return dataclasses.replace(edition, **changes)


@pytest.fixture
def edition(monkeypatch: pytest.MonkeyPatch) -> Edition:
    """Every part of the site loads this edition, whatever name it asks for."""
    small = make_edition()
    monkeypatch.setattr(editions, "load", lambda name: small)
    return small
